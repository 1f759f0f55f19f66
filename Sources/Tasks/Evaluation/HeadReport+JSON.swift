public import Checkpoints

extension HeadReport {
  /// The full report as JSON.
  ///
  /// `{"head": ..., "metrics": {...}, "intervals": {"macro_f1": [0.71, 0.78]}, "labels": [...], ...}`; parts that do
  /// not apply are missing.
  ///
  /// - Parameter comparison: another setup's name, and the comparison with it.
  public func json(comparedWith comparison: (name: String, result: PairedComparison)? = nil) -> JSONValue {
    var members: [String: JSONValue] = [
      "head": .string(head), "task": .string(outcomes.task.rawValue), "examples": .integer(outcomes.all.count),
      "metrics": result.json, "primary": .string(result.primary.name),
    ]
    if !intervals.isEmpty { members["intervals"] = .object(intervals.mapValues(\.json)) }
    if let labels {
      members["labels"] = labels.json
      members["averages"] = labels.averages(of: outcomes)
    }
    if let entities {
      members["entities"] = entities.json
      members["entity_averages"] = entities.averages
    }
    if let strictEntities {
      members["strict_entities"] = strictEntities.json
      members["strict_entity_averages"] = strictEntities.averages
    }
    if let confusion {
      members["confusion_matrix"] = .object([
        "labels": .array(confusion.labels.map { .string($0) }),
        "counts": .array(confusion.counts.map { .array($0.map { .integer($0) }) }),
      ])
      members["balanced_accuracy"] = .finite(confusion.balancedAccuracy)
      members["cohen_kappa"] = .finite(confusion.kappa)
    }
    if let calibration { members["calibration"] = calibration.json }
    if !curves.isEmpty {
      members["curves"] = .object(Dictionary(curves.map { ($0.label, $0.curve.json) }) { first, _ in first })
    }
    if let thresholds {
      members["thresholds"] = .object(
        Dictionary(zip(outcomes.labels, thresholds.map { .number(Double("\($0)") ?? 0.5) })) { first, _ in first })
    }
    if let answers { members["questions"] = answers.json }
    members["comparison"] = comparison.map { .object($0.result.members.merging(["with": .string($0.name)]) { $1 }) }
    return .object(members)
  }

  /// The report as one line of JSON, head and metrics first.
  ///
  /// - Parameter comparison: another setup's name, and the comparison with it.
  public func line(comparedWith comparison: (name: String, result: PairedComparison)? = nil) -> String {
    guard case .object(var members) = json(comparedWith: comparison) else { return "" }
    let first = ["head", "metrics"].map { key in
      "\(JSONValue.string(key).line): \((members.removeValue(forKey: key) ?? .null).line)"
    }
    return "{\(first.joined(separator: ", ")), " + JSONValue.object(members).line.dropFirst()
  }
}

extension JSONValue {
  /// A number; null if it is not finite.
  fileprivate static func finite(_ value: Double) -> JSONValue { value.isFinite ? .number(value) : .null }
}

extension ConfidenceInterval {
  /// Both bounds.
  public var json: JSONValue { .array([.finite(lower), .finite(upper)]) }
}

extension MatchScores {
  fileprivate var members: [String: JSONValue] {
    ["precision": .number(precision), "recall": .number(recall), "f1": .number(f1)]
  }
}

extension MatchCounts {
  fileprivate var members: [String: JSONValue] {
    [
      "precision": .number(precision), "recall": .number(recall), "f1": .number(f1), "support": .integer(actual),
      "predicted": .integer(predicted), "right": .integer(right),
    ]
  }
}

extension LabelReport {
  fileprivate var json: JSONValue {
    .array(rows.map { row in .object(row.counts.members.merging(["label": .string(row.label)]) { $1 }) })
  }

  fileprivate var averages: JSONValue {
    .object([
      "micro": .object(micro.members), "macro": .object(macro.members), "weighted": .object(weighted.members),
    ])
  }

  /// The averages; for multiple labels also the mean over texts.
  fileprivate func averages(of outcomes: Outcomes) -> JSONValue {
    guard outcomes.task == .multilabelClassification, case .object(var members) = averages else { return averages }
    members["samples"] = .object(LabelReport.samples(outcomes.flags.predicted, outcomes.flags.actual).members)
    return .object(members)
  }
}

extension Calibration {
  fileprivate var json: JSONValue {
    .object([
      "ece": .number(expectedError), "mce": .number(maximumError),
      "bins": .array(
        bins.map { bin in
          .object([
            "low": .number(bin.low), "high": .number(bin.high), "count": .integer(bin.count),
            "confidence": .number(bin.confidence), "accuracy": .number(bin.accuracy),
          ])
        }),
    ])
  }
}

extension ThresholdCurve {
  /// The maximum number of points written.
  private static let pointLimit = 200

  /// Points from low to high thresholds, subsampled evenly to the limit.
  var shownPoints: [Point] {
    guard points.count > Self.pointLimit else { return points }
    return (0..<Self.pointLimit).map { points[$0 * (points.count - 1) / (Self.pointLimit - 1)] }
  }

  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "roc_auc": .finite(rocAUC), "average_precision": .finite(averagePrecision),
      "points": .array(
        shownPoints.map { point in
          .object([
            "threshold": .number(point.threshold), "precision": .number(point.counts.precision),
            "recall": .number(point.counts.recall), "f1": .number(point.counts.f1),
          ])
        }),
    ]
    if let best = best() {
      members["best"] = .object(["threshold": .number(best.threshold), "f1": .number(best.f1)])
    }
    return .object(members)
  }
}

extension AnswerReport {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = ["total": total.json]
    members["with_answer"] = answered?.json
    members["without_answer"] = unanswered?.json
    if unanswered != nil {
      members["best_exact_match"] = bestExactMatch.json
      members["best_f1"] = bestF1.json
    }
    return .object(members)
  }
}

extension AnswerReport.Scores {
  fileprivate var json: JSONValue {
    .object(["exact_match": .finite(exactMatch), "f1": .finite(f1), "count": .integer(count)])
  }
}

extension AnswerReport.BestThreshold {
  fileprivate var json: JSONValue { .object(["value": .finite(value), "no_answer_threshold": .number(threshold)]) }
}

extension PairedComparison {
  /// `{"metric": "macro_f1", "first": 0.71, "second": 0.74, "difference": 0.03, "interval": [...], "p_value": 0.02}`
  fileprivate var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "metric": .string(metric), "first": .finite(first), "second": .finite(second),
      "difference": .finite(difference), "p_value": .number(pValue),
    ]
    members["interval"] = interval?.json
    members["only_first_right"] = onlyFirst.map { .integer($0) }
    members["only_second_right"] = onlySecond.map { .integer($0) }
    return members
  }
}
