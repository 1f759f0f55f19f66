internal import Deberta
internal import Heads
public import Tensors

/// The loss of a head's task over encoded rows.
///
/// | task | loss |
/// |---|---|
/// | classification, tagging, masked language model | cross entropy, over what has a target |
/// | multi-label | binary cross entropy, over all labels of all rows; class weights are those of positives |
/// | regression | mean squared error; binary cross entropy where the output is a probability |
/// | question answering | half the sum of the cross entropies of start and end, over the sequence's own tokens |
/// | multiple choice | cross entropy over the choices |
///
/// Source: adapters, `heads/base.py`, `forward` of each head.
struct TaskLoss {
  let task: TrainingTask
  let options: CrossEntropyOptions

  init(_ task: TrainingTask, _ options: CrossEntropyOptions = CrossEntropyOptions()) {
    self.task = task
    self.options = options
  }

  /// The mean loss, and how much counts in it.
  ///
  /// - Parameters:
  ///   - encoded: the rows of the sequences.
  ///   - targets: one for each sequence, for multiple choice one for each group of them; of tokens those of the text.
  func callAsFunction(
    _ head: PredictionHead, _ encoded: EncodedBatch, _ targets: [Target], on pass: Pass
  ) -> (loss: Tensor, weight: Float) {
    switch task {
    case .classification:
      let classes = targets.map { target -> Int32 in
        if case .label(let label) = target { Int32(label) } else { Pass.ignoredTarget }
      }
      return (pass.crossEntropy(ofTexts(head, encoded, on: pass), classes, options), counted(classes))
    case .multilabelClassification:
      let flags = targets.map { target -> [Bool] in if case .labels(let flags) = target { flags } else { [] } }
      let logits = ofTexts(head, encoded, on: pass)
      return (
        pass.binaryCrossEntropy(logits, flags, positiveWeights: options.classWeights), Float(flags.count)
      )
    case .regression:
      let values = targets.map { target -> Float in if case .value(let value) = target { value } else { 0 } }
      let outputs = ofTexts(head, encoded, on: pass)
      let loss =
        head.settings.function == .sigmoid
        ? pass.binaryCrossEntropy(outputs, probabilities: values.map { [$0] })
        : pass.meanSquaredError(outputs, values)
      return (loss, Float(values.count))
    case .tagging, .maskedLM:
      let (tokens, labels) = asked(encoded.texts, targets)
      let states = pass.gather(encoded.hidden, rows: tokens)
      let logits = head(states, starts: [0, tokens.count], on: pass)
      return (pass.crossEntropy(logits, labels, options), Float(labels.count))
    case .questionAnswering:
      return spans(head, encoded, targets, on: pass)
    case .multipleChoice:
      let logits = ofTexts(head, encoded, on: pass)
      let choices = targets.isEmpty ? 0 : encoded.rows.count / targets.count
      let right = targets.map { target -> Int? in if case .choice(let choice) = target { choice } else { nil } }
      let groups = targets.indices.map { $0 * choices..<($0 + 1) * choices }
      return (pass.crossEntropy(logits, over: groups, right), Float(targets.count))
    }
  }

  /// Logits of heads that read the first token.
  private func ofTexts(_ head: PredictionHead, _ encoded: EncodedBatch, on pass: Pass) -> Tensor {
    let firsts = encoded.rows.map(\.lowerBound)
    return head(pass.gather(encoded.hidden, rows: firsts), starts: Array(0...firsts.count), on: pass)
  }

  private func counted(_ classes: [Int32]) -> Float {
    guard let weights = options.classWeights else { return Float(classes.count) }
    return Float(classes.reduce(0.0) { $0 + weights[Int($1)] })
  }

  /// The tokens that have a target, and the targets.
  private func asked(_ texts: [[Int]], _ targets: [Target]) -> (tokens: [Int], labels: [Int32]) {
    var (tokens, labels): ([Int], [Int32]) = ([], [])
    for (text, target) in zip(texts, targets) {
      guard case .tokens(let own) = target else { continue }
      for (index, label) in own.enumerated() where label != Target.notCounted {
        tokens.append(text[index])
        labels.append(label)
      }
    }
    return (tokens, labels)
  }

  private func spans(
    _ head: PredictionHead, _ encoded: EncodedBatch, _ targets: [Target], on pass: Pass
  ) -> (loss: Tensor, weight: Float) {
    var starts = [0]
    for text in encoded.texts { starts.append(starts[starts.count - 1] + text.count) }
    let logits = head(pass.gather(encoded.hidden, rows: encoded.texts.flatMap { $0 }), starts: starts, on: pass)
    let runs = zip(starts, starts.dropFirst()).map { $0..<$1 }
    // An answer after the end of its sequence does not count.
    func ends(_ value: (Int, Int) -> Int) -> [Int?] {
      zip(runs, targets).map { run, target in
        guard case .span(let start, let end) = target, value(start, end) < run.count else { return nil }
        return value(start, end)
      }
    }
    let start = pass.crossEntropy(logits.columns(0..<1), over: runs, ends { start, _ in start })
    let end = pass.crossEntropy(logits.columns(1..<2), over: runs, ends { _, end in end })
    return (pass.weightedSum([(start, 0.5), (end, 0.5)]), Float(targets.count))
  }
}

extension PreparedModel {
  /// The mean loss of a head over a batch, and how much counts; under Parallel the sum over heads, one for each branch.
  ///
  /// - Parameters:
  ///   - names: the heads; several only where the setup repeats the rows as often.
  ///   - targets: one for each text, for multiple choice one for each group of sequences.
  ///   - options: label smoothing and class weights.
  ///   - encoded: the hidden states, and where each row's tokens are.
  ///   - pass: what it computes with and records.
  /// - Throws: `TrainableModelError.unknownHead`; `TrainingTaskError` for a head that has no loss.
  public func loss(
    _ encoded: EncodedBatch, heads names: [String], _ targets: [Target], _ options: CrossEntropyOptions = .init(),
    on pass: Pass
  ) throws -> (loss: Tensor, weight: Float) {
    var losses: [(loss: Tensor, weight: Float)] = []
    for (index, name) in names.enumerated() {
      guard let head = heads[name] else { throw TrainableModelError.unknownHead(name: name) }
      let own = encoded.part(index, of: names.count)
      losses.append(TaskLoss(try TrainingTask(head.settings), options)(head, own, targets, on: pass))
    }
    guard losses.count != 1 else { return losses[0] }
    return (pass.weightedSum(losses.map { ($0.loss, 1) }), losses.first?.weight ?? 0)
  }
}
