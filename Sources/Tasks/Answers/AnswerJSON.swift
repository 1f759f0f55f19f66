internal import Checkpoints

extension Answer {
  /// The answer as one line of JSON, with ordered members.
  ///
  /// - Parameters:
  ///   - allScores: whether to write the scores of all labels.
  ///   - ranking: whether to write the best labels or answers that the options request.
  public func json(allScores: Bool = false, ranking: Bool = false) -> String {
    switch self {
    case .label(let best, let all):
      JSONLine.object(
        [("label", JSONValue.string(best.label).line), ("score", JSONLine.score(best.score))]
          + (allScores || ranking ? [("scores", JSONLine.scores(all))] : []))
    case .labels(let chosen, let all):
      JSONLine.object([("labels", JSONLine.strings(chosen.map(\.label))), ("scores", JSONLine.scores(all))])
    case .value(let value): JSONLine.object([("value", JSONLine.number(value))])
    case .words(let spans), .entities(let spans):
      JSONLine.object([("spans", JSONLine.array(spans.map { $0.json(allScores: allScores) }))])
    case .masks(let masks): JSONLine.object([("masks", JSONLine.array(masks.map(\.json)))])
    case .answer(let best, let all):
      JSONLine.object(
        best.members + (ranking ? [("answers", JSONLine.array(all.map { JSONLine.object($0.members) }))] : []))
    case .choice(let best, let all):
      JSONLine.object(
        [
          ("choice", "\(best)"), ("text", JSONValue.string(all[best].label).line),
          ("score", JSONLine.score(all[best].score)),
        ] + (allScores ? [("scores", JSONLine.array(all.map { JSONLine.score($0.score) }))] : []))
    case .zeroShot(let labels):
      JSONLine.object([
        ("labels", JSONLine.strings(labels.map(\.label))),
        ("scores", JSONLine.array(labels.map { JSONLine.score($0.score) })),
      ])
    }
  }
}

extension LabeledSpan {
  fileprivate func json(allScores: Bool) -> String {
    JSONLine.object(
      [
        ("start", "\(range.lowerBound)"), ("end", "\(range.upperBound)"), ("text", JSONValue.string(text).line),
        ("label", JSONValue.string(label).line), ("score", JSONLine.score(score)),
      ] + (allScores ? [("scores", JSONLine.scores(all))] : []))
  }
}

extension MaskedToken {
  fileprivate var json: String {
    let pieces = predictions.map { prediction in
      JSONLine.object([
        ("piece", prediction.piece.map { JSONValue.string($0).line } ?? "null"),
        ("text", JSONValue.string(prediction.text).line), ("id", "\(prediction.id)"),
        ("score", JSONLine.score(prediction.score)), ("filled", JSONValue.string(prediction.filled).line),
      ])
    }
    return JSONLine.object([("token", "\(token)"), ("predictions", JSONLine.array(pieces))])
  }
}

extension ContextAnswer {
  /// `{"answer": "...", "start": 3, "end": 9, "score": 0.5}`, as in transformers; empty without an answer.
  fileprivate var members: [(key: String, value: String)] {
    [
      ("answer", JSONValue.string(text).line), ("start", "\(range?.lowerBound ?? 0)"),
      ("end", "\(range?.upperBound ?? 0)"), ("score", JSONLine.score(score)),
    ] + (context.map { [("context", "\($0)")] } ?? [])
  }
}

/// JSON on one line, with ordered members.
package enum JSONLine {
  package static func object(_ members: [(key: String, value: String)]) -> String {
    "{" + members.map { JSONValue.string($0.key).line + ": " + $0.value }.joined(separator: ", ") + "}"
  }

  package static func array(_ elements: [String]) -> String { "[" + elements.joined(separator: ", ") + "]" }

  package static func strings(_ elements: [String]) -> String { array(elements.map { JSONValue.string($0).line }) }

  package static func scores(_ all: [ScoredLabel]) -> String { object(all.map { ($0.label, score($0.score)) }) }

  /// A probability with six decimals.
  package static func score(_ score: Float) -> String {
    JSONValue.number((Double(score) * 1e6).rounded() / 1e6).line
  }

  /// A number with enough digits to identify the single-precision value.
  package static func number(_ value: Float) -> String { value.isFinite ? "\(value)" : "null" }
}
