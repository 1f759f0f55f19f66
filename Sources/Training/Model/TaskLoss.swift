internal import Deberta
internal import Heads
public import Model
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

  /// The mean loss, and the number of targets.
  ///
  /// - Parameters:
  ///   - output: the output for the tokens with a target, or for question answering for all tokens of the text.
  ///   - targets: one per sequence; for multiple choice one per group of sequences.
  func callAsFunction(
    _ output: HeadOutput, _ targets: [Target], on pass: Pass
  ) -> (loss: Tensor, weight: Float) {
    let logits = output.logits
    switch task {
    case .classification:
      let classes = targets.map { target -> Int32 in
        if case .label(let label) = target { Int32(label) } else { Pass.ignoredTarget }
      }
      return (pass.crossEntropy(logits, classes, options), counted(classes))
    case .multilabelClassification:
      let flags = targets.map { target -> [Bool] in if case .labels(let flags) = target { flags } else { [] } }
      return (pass.binaryCrossEntropy(logits, flags, positiveWeights: options.classWeights), Float(flags.count))
    case .regression:
      let values = targets.map { target -> Float in if case .value(let value) = target { value } else { 0 } }
      let loss =
        output.settings.meaning.target == .sigmoid
        ? pass.binaryCrossEntropy(logits, probabilities: values.map { [$0] })
        : pass.meanSquaredError(logits, values)
      return (loss, Float(values.count))
    case .tagging, .maskedLM:
      let labels = targets.flatMap { $0.countedTokens.map(\.label) }
      return (pass.crossEntropy(logits, labels, options), Float(labels.count))
    case .questionAnswering:
      // An answer beyond the end of its sequence is ignored.
      func places(_ value: (Int, Int) -> Int) -> [Int?] {
        zip(output.rows, targets).map { run, target in
          guard case .span(let start, let end) = target, value(start, end) < run.count else { return nil }
          return value(start, end)
        }
      }
      let start = pass.crossEntropy(logits.columns(0..<1), over: output.rows, places { start, _ in start })
      let end = pass.crossEntropy(logits.columns(1..<2), over: output.rows, places { _, end in end })
      return (pass.weightedSum([(start, 0.5), (end, 0.5)]), Float(targets.count))
    case .multipleChoice:
      let choices = targets.isEmpty ? 0 : output.rows.count / targets.count
      let right = targets.map { target -> Int? in if case .choice(let choice) = target { choice } else { nil } }
      let groups = targets.indices.map { $0 * choices..<($0 + 1) * choices }
      return (pass.crossEntropy(logits, over: groups, right), Float(targets.count))
    }
  }

  private func counted(_ classes: [Int32]) -> Float {
    guard let weights = options.classWeights else { return Float(classes.count) }
    return Float(classes.reduce(0.0) { $0 + weights[Int($1)] })
  }
}

extension Target {
  /// The tokens of the text with a target label.
  var countedTokens: [(token: Int, label: Int32)] {
    guard case .tokens(let labels) = self else { return [] }
    return labels.enumerated().compactMap { $1 == Target.notCounted ? nil : ($0, $1) }
  }
}

extension AnsweredTokens {
  /// The tokens needed for the loss and metrics of the targets: those with a label, or the whole text.
  public init(_ targets: [Target]) {
    let hasTokens = targets.contains { if case .tokens = $0 { true } else { false } }
    self = hasTokens ? .places(targets.map { $0.countedTokens.map(\.token) }) : .text
  }
}

extension ModelOutput {
  /// The mean loss of the heads' answers, and the number of targets; for several heads, one per branch of a Parallel,
  /// the sum.
  ///
  /// - Parameters:
  ///   - targets: one per text; for multiple choice one per group of sequences.
  ///   - options: label smoothing and class weights.
  ///   - pass: the kernels, threads, tape and trace.
  /// - Throws: `TrainingTaskError` for a head without a loss.
  public func loss(
    _ targets: [Target], _ options: CrossEntropyOptions = .init(), on pass: Pass
  ) throws -> (loss: Tensor, weight: Float) {
    let losses = try answers.map { answer in
      TaskLoss(try TrainingTask(answer.output.settings), options)(answer.output, targets, on: pass)
    }
    guard losses.count != 1 else { return losses[0] }
    return (pass.weightedSum(losses.map { ($0.loss, 1) }), losses.first?.weight ?? 0)
  }
}
