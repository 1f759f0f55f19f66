import Checkpoints
import Foundation
import Testing

@testable import Tasks

@Suite struct OutcomeReportTests {
  /// Classes whose predictions are wrong at every third place, and unsure where they are wrong.
  private func classes(_ count: Int, wrongEvery step: Int) -> Outcomes {
    Outcomes(
      (0..<count).map { index in
        let actual = index % 3
        let predicted = index % step == 0 ? (actual + 1) % 3 : actual
        let sure: Float = index % step == 0 ? 0.5 : 0.8
        return .label(
          predicted: predicted, actual: actual,
          probabilities: (0..<3).map { $0 == predicted ? sure : (1 - sure) / 2 })
      }, task: .classification, labels: ["x", "y|z", "<never>"])
  }

  /// A row, a row and label, a word; values decide nothing.
  @Test func decisionsAgreeOneByOne() {
    let agreement = Agreement(classes(60, wrongEvery: 5), classes(60, wrongEvery: 4))
    #expect(agreement.decisions == 60 && agreement.same == 60 - 12 - 15 + 2 * 3)
    func labels(_ flags: [Bool]...) -> Outcomes {
      Outcomes(
        flags.map { .labels(predicted: $0, actual: $0.map { _ in true }, probabilities: $0.map { _ in 0.5 }) },
        task: .multilabelClassification, labels: ["a", "b", "c"])
    }
    let flags = Agreement(
      labels([true, false, true], [false, false, true]), labels([true, true, true], [false, false, true]))
    #expect(flags.decisions == 6 && flags.same == 5 && flags.share == 5.0 / 6)
    func words(_ tags: [Int]...) -> Outcomes {
      Outcomes(tags.map { .words(predicted: $0, actual: $0, probabilities: $0.map { _ in 1 }) }, task: .tagging)
    }
    let tags = Agreement(words([0, 1, 2], [1]), words([0, 2, 1], [1]))
    #expect(tags.decisions == 4 && tags.same == 2)
    let answers = [Outcome.answer("x", right: ["x"], noAnswer: 0), .answer("", right: [], noAnswer: 1)]
    let others = [Outcome.answer("x", right: ["x"], noAnswer: 0), .answer("y", right: [], noAnswer: 1)]
    let questions = Agreement(
      Outcomes(answers, task: .questionAnswering), Outcomes(others, task: .questionAnswering))
    #expect(questions.decisions == 2 && questions.same == 1)
    let value = Outcomes([.value(predicted: 1, actual: 2)], task: .regression)
    #expect(Agreement(value, value).share == nil)
  }

  @Test func theMetricsOfOutcomesAreThoseOfTheirColumns() {
    let outcomes = classes(60, wrongEvery: 5)
    #expect(outcomes.result == .classification(outcomes.classes.predicted, outcomes.classes.actual))
    let flags = Outcomes(
      [
        .labels(predicted: [true, false, false], actual: [true, true, false], probabilities: [0.9, 0.2, 0.1]),
        .labels(predicted: [false, true, false], actual: [false, true, false], probabilities: [0.2, 0.6, 0.1]),
      ], task: .multilabelClassification, labels: ["a", "b", "c"])
    #expect(flags.result == .multilabelClassification(flags.flags.predicted, flags.flags.actual))
    let names = ["O", "B-A", "I-A"]
    let words = Outcomes(
      [
        .words(predicted: [1, 2, 0], actual: [1, 2, 0], probabilities: [0.9, 0.8, 0.7]),
        .words(predicted: [0, 1], actual: [1, 2], probabilities: [0.6, 0.5]),
      ], task: .tagging, labels: names)
    #expect(words.result == .tagging(words.words.predicted, words.words.actual, labels: names))
    let answers = Outcomes(
      [.answer("the cat", right: ["cat"], noAnswer: 0.1), .answer("dog", right: [], noAnswer: 0.4)],
      task: .questionAnswering)
    #expect(answers.result == .questionAnswering(["the cat", "dog"], [["cat"], []]))
  }

  @Test func intervalsHoldTheMetricAndAreRepeatedByTheirSeed() throws {
    let outcomes = classes(300, wrongEvery: 5)
    let intervals = outcomes.intervals(Resampling(count: 300, seed: 3))
    for metric in outcomes.result.metrics {
      let interval = try #require(intervals[metric.name])
      #expect(interval.lower < metric.value && metric.value < interval.upper)
      #expect(interval.upper - interval.lower < 0.2)
    }
    #expect(intervals == outcomes.intervals(Resampling(count: 300, seed: 3)))
    #expect(intervals != outcomes.intervals(Resampling(count: 300, seed: 4)))
    #expect(outcomes.intervals(Resampling(count: 0)).isEmpty)
    // The binomial interval of an accuracy of 0.8: ±1.96·√(0.8·0.2/300).
    let accuracy = try #require(intervals["accuracy"])
    #expect(abs(accuracy.lower - 0.7547) < 0.015 && abs(accuracy.upper - 0.8453) < 0.015)
  }

  @Test func aPairedTestTellsADifferenceFromChance() throws {
    let resampling = Resampling(count: 400, seed: 1)
    let worse = classes(200, wrongEvery: 4)
    let same = try PairedComparison(worse, worse, resampling)
    #expect(same.difference == 0 && same.pValue == 1 && same.onlyFirst == 0 && same.onlySecond == 0)
    let better = try PairedComparison(worse, classes(200, wrongEvery: 20), resampling)
    let interval = try #require(better.interval)
    #expect(better.difference > 0.1 && better.pValue < 0.01 && interval.lower > 0)
    #expect(better.onlyFirst == 0 && better.onlySecond == 40)
    // One example more is right: that happens by chance.
    let close = try PairedComparison(classes(200, wrongEvery: 67), classes(200, wrongEvery: 99), resampling)
    #expect(close.pValue > 0.2)
  }

  @Test func outcomesOfOtherExamplesAreNotCompared() throws {
    #expect(throws: ComparisonError.examples(20, 21)) {
      try PairedComparison(classes(20, wrongEvery: 3), classes(21, wrongEvery: 3))
    }
    let moved = Outcomes(
      Array(classes(20, wrongEvery: 3).all.reversed()), task: .classification, labels: ["x", "y|z", "<never>"])
    #expect(throws: ComparisonError.examples(20, 20)) { try PairedComparison(classes(20, wrongEvery: 3), moved) }
    let renamed = Outcomes(classes(20, wrongEvery: 3).all, task: .classification, labels: ["y", "x", "z"])
    #expect(throws: ComparisonError.self) { try PairedComparison(classes(20, wrongEvery: 3), renamed) }
  }

  @Test func thresholdsAreChosenForTheBestF1OfEachLabel() throws {
    // The first label applies from 0.3 on, the second never.
    let scores: [Float] = [0.1, 0.2, 0.3, 0.4, 0.9]
    func outcomes(_ threshold: Float) -> Outcomes {
      Outcomes(
        scores.map {
          .labels(predicted: [$0 > threshold, $0 > 0.5], actual: [$0 >= 0.3, false], probabilities: [$0, $0])
        }, task: .multilabelClassification, labels: ["a", "b"])
    }
    let report = HeadReport(head: "h", outcomes(0.5), Resampling(count: 0))
    let thresholds = try #require(report.bestThresholds)
    #expect(abs(thresholds[0] - 0.25) < 1e-6 && thresholds[1] == 0.5)
    #expect(report.result["micro_f1"] ?? 1 < 0.6)
    let tuned = outcomes(0.5).deciding(at: thresholds)
    #expect(tuned == outcomes(thresholds[0]))
    #expect(HeadReport(head: "h", classes(9, wrongEvery: 3), Resampling(count: 0)).bestThresholds == nil)
  }

  @Test func aReportIsMarkdownWithThePlotsThatItNames() throws {
    let report = HeadReport(head: "a|b", classes(60, wrongEvery: 5), Resampling(count: 50))
    let page = report.markdown(data: "test.jsonl")
    #expect(page.hasPrefix("# Head a\\|b\n"))
    #expect(page.contains("| y\\|z |") && page.contains("&lt;never>"))
    #expect(report.plots.map(\.name) == ["labels.svg", "confusion.svg", "calibration.svg"])
    for plot in report.plots {
      #expect(page.contains("](./\(plot.name))"))
      #expect(plot.svg.hasPrefix("<svg ") && plot.svg.hasSuffix("</svg>\n") && !plot.svg.contains("<never>"))
      #expect(plot.svg.split(separator: "<text").count == plot.svg.split(separator: "</text>").count)
    }
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("|") }
    #expect(rows.allSatisfy { $0.hasSuffix("|") })
  }

  @Test func whatIsNoNumberIsNullInJSON() throws {
    let values = Outcomes([.value(predicted: 1, actual: 2), .value(predicted: 1, actual: 3)], task: .regression)
    let line = HeadReport(head: "v", values, Resampling(count: 5)).json().line
    #expect(line.contains("\"pearson\": null") && line.contains("\"mean_squared_error\": 2.5"))
  }
}
