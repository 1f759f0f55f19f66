import Checkpoints
import Foundation
import Tensors
import Testing

@testable import Training

/// The log, the curves and the summary.
@Suite struct RunFilesTests {
  private let folder = TemporaryFolder()

  private func train() throws -> TrainingSummary {
    let settings = TrainingSettings(.steps(12), learningRate: 0.01, evaluation: .steps(6))
    let output = folder.path("runs/first")
    return try Trainer(ToyRegression(), settings: settings, output: output, compute: compute).run()
  }

  @Test func `The log has a line of JSON for each step and evaluation, in their order`() throws {
    _ = try train()
    let lines = try folder.text("runs/first/log.jsonl").split(separator: "\n")
    let records = try lines.map { line -> [String: JSONValue] in
      try ConfigurationFields(JSONValue(Data(line.utf8), file: "log"), file: "log").members
    }
    #expect(
      records.map { $0["event"] }
        == (1...12).flatMap { step -> [JSONValue?] in
          [.string("step")] + (step % 6 == 0 ? [.string("evaluation")] : [])
        })
    #expect(records.compactMap { $0["step"]?.wholeNumber } == [1, 2, 3, 4, 5, 6, 6, 7, 8, 9, 10, 11, 12, 12])
    #expect(records.compactMap { $0["epoch"]?.wholeNumber } == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 3])
    #expect(
      Set(records[0].keys)
        == ["event", "step", "epoch", "loss", "learning_rate", "gradient_norm", "tokens", "seconds"])
    #expect(records[0]["tokens"] == .integer(20) && records[0]["learning_rate"] == .number(0.01))
    #expect(Set(records[6].keys) == ["event", "step", "epoch", "metrics", "primary", "best"])
  }

  @Test func `The summary tells the end, the best and the step of the parameters`() throws {
    let summary = try train()
    let written = try JSONValue(path: folder.path("runs/first/summary.json"))
    #expect(written == summary.object)
    let fields = try ConfigurationFields(written, file: "summary")
    #expect(try fields.string("end") == "completed")
    #expect(try fields.object("best")?.string("primary") == "loss")
    #expect(try fields.integer("parameters_of_step", in: 0...12) == summary.best?.step)
  }

  @Test func `The curves are one image with a panel for the loss and each metric`() throws {
    _ = try train()
    let svg = try folder.text("runs/first/curves.svg")
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 570\""))
    #expect(svg.hasSuffix("</svg>\n"))
    for title in ["training loss", "loss, best", "fit"] { #expect(svg.contains(">\(title)"), "\(title)") }
    #expect(svg.matches(of: /<polyline\b/).count == 4)
    #expect(!svg.contains("nan") && !svg.contains("inf"))
    #expect(isWellFormed(svg))
  }

  @Test func `A long run has a small image, and values that are not finite leave no trace`() {
    let losses = (1...100_000).map { step in
      TrainingPlot.Point(
        step: step, value: step % 50 == 0 ? .nan : 2 / Double(step).squareRoot() + Double(step % 7) / 50)
    }
    let evaluations = (1...50).map { number in
      EvaluationReport(
        step: number * 2000, epoch: number,
        result: EvaluationResult(
          [.init("macro F1 <&>", number == 9 ? .nan : 1 - 1 / Double(number + 1)), .init("constant", 5)],
          primary: "macro F1 <&>"))
    }
    let svg = TrainingPlot(losses: losses, evaluations: evaluations).svg
    #expect(svg.utf8.count < 40_000)
    #expect(svg.contains("macro F1 &lt;&amp;&gt;, best 0.9804 at step 100000"))
    #expect(!svg.contains("nan") && isWellFormed(svg))
    for plot in [
      TrainingPlot(losses: [], evaluations: []), TrainingPlot(losses: [.init(step: 1, value: 3)], evaluations: []),
      TrainingPlot(losses: [.init(step: 1, value: .infinity), .init(step: 2, value: -1e30)], evaluations: []),
    ] {
      #expect(isWellFormed(plot.svg) && !plot.svg.contains("nan") && !plot.svg.contains("inf"))
    }
  }

  @Test func `Axes have round ticks`() {
    #expect(Scale([0.13, 0.87]).ticks.map { $0.rounded(toDigits: 6) } == ["0", "0.2", "0.4", "0.6", "0.8", "1"])
    #expect(Scale([90.2, 91.1]).ticks.first?.rounded(toDigits: 6) == "90")
    #expect(
      Scale(from: 0, to: 700, isExact: true).ticks.map { $0.rounded(toDigits: 9) } == ["0", "200", "400", "600", "800"])
    #expect((-0.05).rounded(toDigits: 4) == "-0.05" && 12345.678.rounded(toDigits: 4) == "12346")
    #expect(abs(Scale([3, 3]).part(3) - 0.5) < 1e-9)
  }

  /// Whether every element is closed in its order and no bare ampersand is left.
  private func isWellFormed(_ svg: String) -> Bool {
    var open: [Substring] = []
    for match in svg.matches(of: /<(\/?)([a-z]+)[^<>]*?(\/?)>/) {
      if match.3 == "/" { continue }
      if match.1.isEmpty { open.append(match.2) } else if open.popLast() != match.2 { return false }
    }
    return open.isEmpty && !svg.contains(/&(?!amp;|lt;|gt;|quot;)/)
  }
}
