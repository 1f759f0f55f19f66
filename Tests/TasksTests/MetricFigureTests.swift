import Foundation
import Testing

@testable import Tasks

/// What `Tools/make_metric_fixtures.py` recorded of scikit-learn, seqeval, SciPy and SQuAD's rules; also the files of the
/// folder that `METRIC_CASES` names, which are of the same form.
private struct Recorded {
  let members: [String: Any]

  private struct Missing: Error { let path: String }

  /// The files whose names begin in some way; one at least.
  static func all(_ prefix: String) throws -> [Recorded] {
    let own = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/metrics")
    let given = ProcessInfo.processInfo.environment["METRIC_CASES"].map { URL(filePath: $0) }
    var found: [Recorded] = []
    for folder in [own, given].compactMap(\.self) {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      where name.hasPrefix(prefix) && name.hasSuffix(".json") {
        let value = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: name)))
        guard let members = value as? [String: Any] else { throw Missing(path: name) }
        found.append(Recorded(members: members))
      }
    }
    if found.isEmpty { throw Missing(path: prefix) }
    return found
  }

  /// The value below some keys, parted by slashes.
  func value<T>(_ path: String, as type: T.Type) throws -> T {
    var value: Any = members
    for key in path.split(separator: "/") {
      guard let next = (value as? [String: Any])?[String(key)] else { throw Missing(path: path) }
      value = next
    }
    guard let value = value as? T else { throw Missing(path: path) }
    return value
  }

  func object(_ path: String) throws -> Recorded { Recorded(members: try value(path, as: [String: Any].self)) }

  func number(_ path: String) throws -> Double { try value(path, as: NSNumber.self).doubleValue }

  func numbers(_ path: String) throws -> [Double] { try value(path, as: [NSNumber].self).map(\.doubleValue) }

  func rows(_ path: String) throws -> [[Double]] {
    try value(path, as: [[NSNumber]].self).map { $0.map(\.doubleValue) }
  }
}

private func close(_ a: Double, _ b: Double) -> Bool { abs(a - b) < 1e-9 }

private func agrees(_ report: LabelReport, with recorded: Recorded) throws {
  for row in report.rows {
    try agrees(row.counts.precision, row.counts.recall, row.counts.f1, with: recorded.object(row.label))
    #expect(Double(row.counts.actual) == (try recorded.number("\(row.label)/support")))
  }
  let (macro, weighted) = (report.macro, report.weighted)
  try agrees(macro.precision, macro.recall, macro.f1, with: recorded.object("macro avg"))
  try agrees(weighted.precision, weighted.recall, weighted.f1, with: recorded.object("weighted avg"))
  if recorded.members["micro avg"] != nil {
    try agrees(report.micro.precision, report.micro.recall, report.micro.f1, with: recorded.object("micro avg"))
  }
}

private func agrees(_ precision: Double, _ recall: Double, _ f1: Double, with recorded: Recorded) throws {
  #expect(close(precision, try recorded.number("precision")))
  #expect(close(recall, try recorded.number("recall")))
  #expect(close(f1, try recorded.number("f1-score")))
}

@Suite struct MetricFigureTests {
  @Test func figuresOfClassesAreThoseOfScikitLearn() throws {
    for recorded in try Recorded.all("classification") {
      let labels = try recorded.value("labels", as: [String].self)
      func numbers(_ key: String) throws -> [Int] {
        try recorded.value(key, as: [String].self).map { try #require(labels.firstIndex(of: $0)) }
      }
      let (predicted, actual) = (try numbers("predictions"), try numbers("references"))
      let probabilities = try recorded.rows("probabilities")
      #expect(close(Metrics.accuracy(predicted, actual), try recorded.number("figures/accuracy")))
      #expect(close(Metrics.matthews(predicted, actual), try recorded.number("figures/matthews")))
      #expect(close(Metrics.logLoss(probabilities, actual), try recorded.number("figures/log_loss")))
      try agrees(LabelReport(predicted, actual, labels: labels), with: recorded.object("figures/report"))
      let matrix = ConfusionMatrix(predicted, actual, labels: labels)
      #expect(matrix.counts == (try recorded.rows("figures/confusion_matrix").map { $0.map { Int($0) } }))
      #expect(close(matrix.balancedAccuracy, try recorded.number("figures/balanced_accuracy")))
      #expect(close(matrix.kappa, try recorded.number("figures/cohen_kappa")))
      let confidences = zip(probabilities, predicted).map { $0[$1] }
      let calibration = Calibration(confidences, zip(predicted, actual).map { $0 == $1 })
      #expect(close(calibration.expectedError, try recorded.number("figures/calibration_15/ece")))
      #expect(close(calibration.maximumError, try recorded.number("figures/calibration_15/mce")))
      // Another number of bins is another figure.
      let coarse = Calibration(confidences, zip(predicted, actual).map { $0 == $1 }, bins: 4)
      #expect(!close(coarse.expectedError, calibration.expectedError))
    }
  }

  @Test func thresholdCurvesAreThoseOfScikitLearn() throws {
    for recorded in try Recorded.all("binary") {
      let scores = try recorded.numbers("scores")
      let targets = try recorded.numbers("references").map { $0 == 1 }
      let curve = ThresholdCurve(scores, targets)
      #expect(close(curve.rocAUC, try recorded.number("figures/roc_auc")))
      #expect(close(curve.averagePrecision, try recorded.number("figures/average_precision")))
      #expect(close(Metrics.brier(scores, targets), try recorded.number("figures/brier")))
      func numbers(_ key: String) throws -> [Double] { try recorded.numbers("figures/curve/\(key)") }
      #expect(curve.points.map(\.threshold) == (try numbers("thresholds")))
      // scikit-learn ends with a point without predictions.
      #expect(zip(curve.points.map(\.counts.precision), try numbers("precision")).allSatisfy(close))
      #expect(zip(curve.points.map(\.counts.recall), try numbers("recall")).allSatisfy(close))
      let best = try #require(curve.best())
      let predicted = scores.map { $0 > best.threshold }
      #expect(close(Metrics.microF1(predicted.map { [$0] }, targets.map { [$0] }), best.f1))
      #expect(curve.points.allSatisfy { $0.counts.f1 <= best.f1 })
    }
  }

  @Test func figuresOfSeveralLabelsAreThoseOfScikitLearn() throws {
    for recorded in try Recorded.all("multi-label") {
      let labels = try recorded.value("labels", as: [String].self)
      let actual = try recorded.rows("references").map { $0.map { $0 == 1 } }
      let predicted = try recorded.rows("scores").map { $0.map { $0 > 0.5 } }
      try agrees(LabelReport(flags: predicted, actual, labels: labels), with: recorded.object("figures/report"))
      let samples = LabelReport.samples(predicted, actual)
      try agrees(
        samples.precision, samples.recall, samples.f1, with: recorded.object("figures/report/samples avg"))
      #expect(close(Metrics.exactMatch(predicted, actual), try recorded.number("figures/subset_accuracy")))
    }
  }

  @Test func figuresOfValuesAreThoseOfScikitLearnAndSciPy() throws {
    for recorded in try Recorded.all("regression") {
      let (predicted, actual) = (try recorded.numbers("predictions"), try recorded.numbers("references"))
      #expect(close(Metrics.meanSquaredError(predicted, actual), try recorded.number("figures/mse")))
      #expect(close(Metrics.meanAbsoluteError(predicted, actual), try recorded.number("figures/mae")))
      #expect(close(Metrics.determination(predicted, actual), try recorded.number("figures/r2")))
      #expect(close(Metrics.pearson(predicted, actual), try recorded.number("figures/pearson")))
      #expect(close(Metrics.spearman(predicted, actual), try recorded.number("figures/spearman")))
    }
  }

  @Test func entitiesByKindAreThoseOfSeqevalInBothReadings() throws {
    for recorded in try Recorded.all("entities") {
      let references = try recorded.value("references", as: [[String]].self)
      let predictions = try recorded.value("predictions", as: [[String]].self)
      let labels = Array(Set((references + predictions).joined())).sorted()
      let scheme = try #require(TagScheme(labels))
      func numbers(_ rows: [[String]]) throws -> [[Int]] {
        try rows.map { try $0.map { try #require(labels.firstIndex(of: $0)) } }
      }
      let (predicted, actual) = (try numbers(predictions), try numbers(references))
      let lenient = LabelReport(entities: predicted, actual, scheme)
      let strict = LabelReport(entities: predicted, actual, scheme, reading: .strict)
      #expect(lenient != strict)
      try agrees(lenient, with: recorded.object("figures/lenient"))
      try agrees(strict, with: recorded.object("figures/strict"))
      let accuracy = Metrics.accuracy(Array(predicted.joined()), Array(actual.joined()))
      #expect(close(accuracy, try recorded.number("figures/token_accuracy")))
    }
  }

  @Test func answersAreMeasuredByTheRulesOfSQuAD2() throws {
    for recorded in try Recorded.all("squad-2") where recorded.members["questions"] != nil {
      let questions = try recorded.value("questions", as: [[String: Any]].self).map { members in
        let question = Recorded(members: members)
        return AnswerReport.Question(
          prediction: try question.value("prediction", as: String.self),
          answers: try question.value("answers", as: [String].self), noAnswer: try question.number("no_answer"))
      }
      for threshold in try recorded.object("figures").members.keys {
        let figures = try recorded.object("figures").object(threshold)
        let report = AnswerReport(questions, threshold: try #require(Double(threshold)))
        let answered = try #require(report.answered)
        let unanswered = try #require(report.unanswered)
        let pairs: [(Double, String)] = [
          (report.total.exactMatch, "exact"), (report.total.f1, "f1"), (answered.exactMatch, "HasAns_exact"),
          (answered.f1, "HasAns_f1"), (unanswered.exactMatch, "NoAns_exact"), (unanswered.f1, "NoAns_f1"),
          (report.bestExactMatch.value, "best_exact"), (report.bestF1.value, "best_f1"),
        ]
        for (value, key) in pairs { #expect(close(value * 100, try figures.number(key)), "\(key) at \(threshold)") }
        #expect(close(report.bestF1.threshold, try figures.number("best_f1_thresh")))
        #expect(close(report.bestExactMatch.threshold, try figures.number("best_exact_thresh")))
      }
    }
  }

  /// Of evaluate-v1.1.py: two texts without words are the same, and share no word.
  @Test func answersWithoutWordsAgreeInTheRulesOfSQuAD2Alone() {
    #expect(Metrics.answerMatch("the", ["a", "An"], rules: .squad1) == (1, 0))
    #expect(Metrics.answerMatch("the", ["a", "An"], rules: .squad2) == (1, 1))
    #expect(AnswerReport.rules([["x"], []]) == .squad2 && AnswerReport.rules([["x"]]) == .squad1)
  }
}
