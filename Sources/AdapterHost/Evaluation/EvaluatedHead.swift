internal import Checkpoints
internal import Files
internal import Foundation
internal import Heads
public import Tasks
public import Training

/// A head with its answers for every example of a data set.
public struct EvaluatedHead: Sendable {
  /// The head's label among the answering heads.
  public let head: String
  /// The head's name.
  public let name: String
  public let outcomes: Outcomes
  /// The encoded examples.
  public let data: TrainingDataset
  /// The decision thresholds; nil: 0.5 for each label.
  public let thresholds: [Float]?
  /// The examples as read from the file, one per outcome.
  let sources: [SourceExample]

  /// The task's metrics.
  public var result: EvaluationResult { outcomes.result }

  /// The same head with different thresholds.
  ///
  /// - Parameter thresholds: one per label.
  public func deciding(at thresholds: [Float]) -> EvaluatedHead {
    EvaluatedHead(
      head: head, name: name, outcomes: outcomes.deciding(at: thresholds), data: data, thresholds: thresholds,
      sources: sources)
  }

  /// The full report on the outcomes.
  public func report(_ resampling: Resampling = Resampling()) -> HeadReport {
    HeadReport(head: head, outcomes, thresholds: thresholds, resampling)
  }

  /// The examples as JSON lines: location in the file, content, correct answer, and prediction.
  ///
  /// - Parameter onlyWrong: whether to omit correct predictions, and those that cannot be judged.
  public func lines(onlyWrong: Bool = false) -> [String] {
    outcomes.all.indices.compactMap { index in
      let isRight = outcomes.isRight(index)
      if onlyWrong, isRight != false { return nil }
      var members = outcomes.members(index).merging(sources[index].members(outcomes.all[index])) { $1 }
      members["line"] = .integer(sources[index].line)
      members["head"] = .string(head)
      members["right"] = isRight.map { .bool($0) }
      return JSONValue.object(members).line
    }
  }
}

extension Outcomes {
  /// The prediction and the correct answer, by label name.
  fileprivate func members(_ index: Int) -> [String: JSONValue] {
    func name(_ label: Int) -> JSONValue {
      labels.indices.contains(label) ? .string(labels[label]) : .integer(label)
    }
    func scores(_ probabilities: [Float]) -> JSONValue {
      let values = probabilities.map { JSONValue.number(Double("\($0)") ?? Double($0)) }
      guard labels.count == values.count else { return .array(values) }
      return .object(Dictionary(zip(labels, values)) { first, _ in first })
    }
    switch all[index] {
    case .label(let predicted, let actual, let probabilities):
      return ["predicted": name(predicted), "actual": name(actual), "scores": scores(probabilities)]
    case .labels(let predicted, let actual, let probabilities):
      func names(_ flags: [Bool]) -> JSONValue { .array(flags.indices.filter { flags[$0] }.map(name)) }
      return ["predicted": names(predicted), "actual": names(actual), "scores": scores(probabilities)]
    case .value(let predicted, let actual):
      return ["predicted": .number(Double(predicted)), "actual": .number(Double(actual))]
    case .words(let predicted, let actual, _):
      return ["predicted": .array(predicted.map(name)), "actual": .array(actual.map(name))]
    case .answer(let text, let right, let noAnswer):
      return [
        "predicted": .string(text), "actual": .array(right.map { .string($0) }),
        "no_answer": .number(Double("\(noAnswer)") ?? Double(noAnswer)),
      ]
    case .pieces(let score):
      return ["loss": .number(score.meanLoss), "correct": .integer(score.correct), "masked": .integer(score.count)]
    }
  }
}

extension SourceExample {
  /// The example's content.
  fileprivate func members(_ outcome: Outcome) -> [String: JSONValue] {
    switch content {
    case .text(let text, let pair):
      return ["text": .string(text)].merging(pair.map { ["pair": .string($0)] } ?? [:]) { $1 }
    case .words(let sentence):
      guard case .tags(let tags) = answer, case .words(_, let actual, _) = outcome else { return [:] }
      // Words without a tag are not counted; if words were truncated, it is unknown which.
      let scalars = Array(sentence.text.unicodeScalars)
      let counted = zip(sentence.ranges, tags).filter { $0.1 != nil }.map { range, _ in
        JSONValue.string(String(String.UnicodeScalarView(scalars[range])))
      }
      return counted.count == actual.count ? ["tokens": .array(counted)] : [:]
    case .question(let question, let context): return ["question": .string(question), "context": .string(context)]
    case .choices(let prompt, let texts):
      return ["prompt": .string(prompt), "choices": .array(texts.map { .string($0) })]
    }
  }
}

extension [EvaluatedHead] {
  /// Writes reports with plots to a new or empty folder: `report.md` for one head; for several a subfolder each, named
  /// after the head.
  ///
  /// - Parameters:
  ///   - reports: one per head.
  ///   - comparisons: with another setup, by head name.
  ///   - data: the name of the data set.
  /// - Throws: `WorkspaceError.folderInUse`, `ModelError.cannotCreate`.
  public static func write(
    _ reports: [HeadReport], comparisons: [String: (name: String, result: PairedComparison)] = [:], data: String,
    to folder: String
  ) throws {
    try NewFolder.write(folder) { place in
      for report in reports {
        var own = place
        if reports.count > 1 {
          own += "/" + report.head.replacingOccurrences(of: "/", with: "_")
          try Folders.create(own)
        }
        for plot in report.plots { try AtomicFile.write(Data(plot.svg.utf8), to: "\(own)/\(plot.name)") }
        let page = report.markdown(data: data, comparison: comparisons[report.head])
        try AtomicFile.write(Data(page.utf8), to: "\(own)/report.md")
      }
    }
  }
}
