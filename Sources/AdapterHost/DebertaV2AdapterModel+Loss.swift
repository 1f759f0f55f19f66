public import AdapterMethods
public import Deberta
internal import Heads
public import Model
internal import Tensors
public import Training

extension DebertaV2AdapterModel {
  /// Runs a batch with targets and returns the output and the mean loss of the heads' tasks (`labels`,
  /// `start_positions` and `end_positions` in the `forward` of `adapters`).
  ///
  ///     let (output, loss) = try model(batch, targets: [.label(0), .label(2)])
  ///
  /// - Parameters:
  ///   - batch: sequences of token ids.
  ///   - targets: one per sequence; for multiple choice one per group of sequences.
  ///   - setup: the adapters to apply; nil: the active ones.
  ///   - names: heads; nil: those that answer. The losses of a Parallel's branches are summed.
  /// - Throws: the errors of a call; `LossTargetError` for invalid targets.
  public func callAsFunction(
    _ batch: Batch, targets: [Target], setup: Setup? = nil, heads names: [String]? = nil
  ) throws -> (output: ModelOutput, loss: Float) {
    let pass = Pass(compute)
    let output = try bound(
      batch, setup ?? .composition(activeAdapters), heads: names ?? activeHeads, answering: AnsweredTokens(targets),
      on: pass)
    guard !output.answers.isEmpty else { throw LossTargetError.noHead }
    for answer in output.answers {
      try LossTargetError.check(targets, of: answer.output, named: answer.name, batch)
    }
    return (output, try output.loss(targets, on: pass).loss.array[0])
  }
}

/// Why targets are invalid for a head.
public enum LossTargetError: Error, Hashable, Sendable, CustomStringConvertible {
  case noHead
  case count(head: String, found: Int, expected: Int)
  case kind(head: String, task: String, row: Int)
  case label(head: String, row: Int, label: Int, outputs: Int)
  case tokens(head: String, row: Int, found: Int, expected: Int)

  public var description: String {
    switch self {
    case .noHead: "There are targets, but no head answers. Name the head, or activate an adapter that has one."
    case .count(let head, let found, let expected):
      "There are \(found) targets for the head '\(head)', which answers \(expected) times; each answer needs one."
    case .kind(let head, let task, let row): "The target \(row) is none of the head '\(head)', whose task is \(task)."
    case .label(let head, let row, let label, let outputs):
      "The target \(row) has the label \(label), but the head '\(head)' has the labels 0 to \(outputs - 1)."
    case .tokens(let head, let row, let found, let expected):
      "The target \(row) of the head '\(head)' has \(found) labels for \(expected) tokens or outputs."
    }
  }

  /// - Throws: `LossTargetError`, if a target is out of range.
  fileprivate static func check(
    _ targets: [Target], of output: HeadOutput, named name: String, _ batch: Batch
  ) throws {
    let task = try TrainingTask(output.settings)
    let (rows, outputs) = (output.rows.count, output.settings.outputs)
    let choices = output.settings.choices ?? 1
    let expected = task == .multipleChoice ? rows / choices : rows
    guard targets.count == expected else {
      throw LossTargetError.count(head: name, found: targets.count, expected: expected)
    }
    for (row, target) in targets.enumerated() {
      func require(_ label: Int, below limit: Int) throws {
        guard (0..<limit).contains(label) else {
          throw LossTargetError.label(head: name, row: row, label: label, outputs: limit)
        }
      }
      switch (task, target) {
      case (.classification, .label(let label)): try require(Int(label), below: outputs)
      case (.multipleChoice, .choice(let choice)): try require(choice, below: choices)
      case (.regression, .value), (.questionAnswering, .span): break
      case (.multilabelClassification, .labels(let flags)):
        guard flags.count == outputs else {
          throw LossTargetError.tokens(head: name, row: row, found: flags.count, expected: outputs)
        }
      case (.tagging, .tokens(let labels)), (.maskedLM, .tokens(let labels)):
        let count = batch.sequences[row % max(batch.sequences.count, 1)].ids.count
        guard labels.count == count else {
          throw LossTargetError.tokens(head: name, row: row, found: labels.count, expected: count)
        }
        for label in labels where label != Target.notCounted { try require(Int(label), below: outputs) }
      default: throw LossTargetError.kind(head: name, task: task.rawValue, row: row)
      }
    }
  }
}
