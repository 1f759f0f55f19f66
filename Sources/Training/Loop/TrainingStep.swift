internal import Tensors

/// One update of the parameters: gradients of several batches, their mean, clipping, and the optimizer.
struct TrainingStep {
  let objective: any TrainingObjective
  let parameters: [TrainedParameter]
  let settings: TrainingSettings
  let compute: Compute

  struct Result {
    let loss: Float
    let gradientNorm: Double
    let tokens: Int
  }

  /// Takes a step, or throws with the parameters unchanged.
  ///
  /// - Parameter state: the state before the step.
  func take(
    _ batches: [[Int]], at state: RunState, rate: Double, with optimizer: Optimizer, advice: TrainingError.Advice
  ) throws -> Result {
    var sum = GradientAccumulator(count: parameters.count)
    var (loss, weight, tokens) = (0.0, 0.0, 0)
    var place = self.place(batches[0], 0, state)
    for (index, batch) in batches.enumerated() {
      let here = self.place(batch, index, state)
      guard !batch.isEmpty else { throw TrainingError.emptyBatch(here) }
      let (batchLoss, value, gradients) = try backward(batch, index, at: here, state, advice)
      tokens += batchLoss.tokens
      guard let gradients else { continue }
      sum.add(gradients, weight: batchLoss.weight, on: compute)
      loss += Double(value) * Double(batchLoss.weight)
      weight += Double(batchLoss.weight)
      place = here
    }
    guard weight > 0 else { return Result(loss: .nan, gradientNorm: 0, tokens: tokens) }

    var gradients = sum.mean
    if state.step == 0 && gradients.tensors.allSatisfy({ $0 == nil }) { throw TrainingError.nothingToLearn(at: place) }
    let norm = gradients.norm(on: compute)
    guard norm.isFinite else {
      let parameter = zip(parameters, gradients.tensors).first { $1?.sumOfSquares(on: compute).isFinite == false }
      throw TrainingError.gradientNotFinite(parameter: parameter?.0.name ?? "", at: place, advice: advice)
    }
    if let clipNorm = settings.clipNorm { gradients = gradients.clipped(to: clipNorm, norm: norm) }
    optimizer.step(gradients, rate: rate, on: compute)
    // The product of two floats is exact in float64, so a single batch keeps its computed loss.
    return Result(loss: Float(loss / weight), gradientNorm: norm, tokens: tokens)
  }

  /// The loss of a batch and the gradients, which are nil if it has no targets.
  private func backward(
    _ batch: [Int], _ index: Int, at place: TrainingError.Place, _ state: RunState, _ advice: TrainingError.Advice
  ) throws -> (BatchLoss, Float, [Tensor?]?) {
    let tape = Tape(compute)
    for parameter in parameters { tape.watch(parameter.value) }
    let dropout = settings.usesDropout ? DropoutSeed(seed: settings.seed, step: state.batches + index) : nil
    let loss = try objective.loss(batch, epoch: state.epoch, on: Pass(compute, tape: tape, dropout: dropout))
    guard loss.weight >= 0 && loss.weight.isFinite else {
      throw TrainingError.impossibleWeight(loss.weight, at: place)
    }
    guard loss.weight > 0 else { return (loss, .nan, nil) }
    let value = loss.mean.pointer.pointee
    guard value.isFinite else { throw TrainingError.lossNotFinite(value, at: place, advice: advice) }
    tape.backward(from: loss.mean)
    return (loss, value, parameters.map { tape.gradient(of: $0.value) })
  }

  private func place(_ batch: [Int], _ index: Int, _ state: RunState) -> TrainingError.Place {
    TrainingError.Place(
      step: state.step + 1, epoch: state.epoch, batch: state.batch + index, examples: batch,
      lines: objective.lines(of: batch))
  }
}
