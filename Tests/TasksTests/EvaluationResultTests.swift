import Checkpoints
import Testing

@testable import Tasks

@Suite struct EvaluationResultTests {
  @Test func `Every task has its metrics, of which one is the primary`() {
    let results: [(EvaluationResult, String, [String])] = [
      (.classification([0], [0]), "macro_f1", ["accuracy", "macro_f1", "matthews_correlation"]),
      (.multilabelClassification([[true]], [[true]]), "micro_f1", ["micro_f1", "macro_f1", "exact_match"]),
      (
        .regression([0, 1], [0, 1]), "pearson",
        ["pearson", "spearman", "mean_squared_error", "mean_absolute_error", "r2"]
      ),
      (.tagging([[0]], [[0]], labels: ["B-X", "O"]), "f1", ["precision", "recall", "f1", "accuracy"]),
      (.tagging([[0]], [[0]], labels: ["LOWER", "UPPER"]), "macro_f1", ["accuracy", "macro_f1"]),
      (.questionAnswering(["a b"], [["A b."]]), "f1", ["exact_match", "f1"]),
      (.multipleChoice([1], [1]), "accuracy", ["accuracy"]),
    ]
    for (result, primary, names) in results {
      #expect(result.primary == EvaluationResult.Metric(primary, 1))
      #expect(result.metrics.map(\.name) == names)
      #expect(!result.isLoss)
    }
  }

  /// Two batches of 2 and 6 tokens with losses of 2 and 1 each: (4 + 6) / 8, and e^1.25 = 3.4903…
  @Test func `Tokens of masked language models count alike, whatever their batch`() {
    var score = LanguageModelScore()
    score.add(loss: 4, correct: 1, count: 2)
    score.add(loss: 6, correct: 3, count: 6)
    let result = EvaluationResult.maskedLM(score)
    #expect(result.metrics.map(\.name) == ["loss", "accuracy", "perplexity"])
    #expect((result["loss"], result["accuracy"]) == (1.25, 0.5))
    #expect(abs((result["perplexity"] ?? 0) - 3.490342957461841) < 1e-12)
    #expect(result.isLoss)
  }

  @Test func `The better result is told by the primary metric`() {
    func result(_ value: Double, isLoss: Bool = false) -> EvaluationResult {
      EvaluationResult([.init("other", -value), .init("main", value)], primary: "main", isLoss: isLoss)
    }
    #expect(result(0.6).isBetter(than: result(0.5)))
    #expect(!result(0.5).isBetter(than: result(0.5)))
    #expect(result(0.5, isLoss: true).isBetter(than: result(0.6, isLoss: true)))
    #expect(result(-1).isBetter(than: result(.nan)))
    #expect(!result(.nan).isBetter(than: result(-1)))
    #expect(!result(.nan).isBetter(than: result(.nan)))
  }

  /// 18 of 20 are of one class. Calling all of them so is right in 18; finding both others at the price of four is not.
  @Test func `Of classes of unequal size whoever finds the rare one is better, unless accuracy decides`() throws {
    let targets = [Int](repeating: 0, count: 18) + [1, 1]
    let blind = EvaluationResult.classification([Int](repeating: 0, count: 20), targets)
    let seeing = EvaluationResult.classification([Int](repeating: 0, count: 14) + [1, 1, 1, 1, 1, 1], targets)
    #expect(blind["accuracy"] == 0.9 && seeing["accuracy"] == 0.8)
    #expect(seeing.isBetter(than: blind) && !blind.isBetter(than: seeing))
    let (one, other) = try (#require(blind.ranked(by: "accuracy")), #require(seeing.ranked(by: "accuracy")))
    #expect(one.isBetter(than: other) && one.primary.name == "accuracy")
  }

  @Test func `A metric decides by its own direction`() throws {
    let near = try #require(EvaluationResult.regression([1, 2, 3.1], [1, 2, 3]).ranked(by: "mean_squared_error"))
    let far = try #require(EvaluationResult.regression([2, 4, 6], [1, 2, 3]).ranked(by: "mean_squared_error"))
    #expect(near.isBetter(than: far) && !far.isBetter(than: near))
    #expect(near.ranked(by: "accuracy") == nil)
    #expect(TrainingTask.tagging.metricNames(labels: ["O", "B-X"]) == ["precision", "recall", "f1", "accuracy"])
    #expect(TrainingTask.maskedLM.metricNames() == ["loss", "accuracy", "perplexity"])
  }

  @Test func `A result is an object of JSON`() {
    var result = EvaluationResult([.init("pearson", .nan), .init("mse", 0.5)], primary: "pearson")
    result.set("loss", 0.25)
    result.set("mse", 0.75)
    #expect(result.json == .object(["pearson": .null, "mse": .number(0.75), "loss": .number(0.25)]))
    #expect(result.metrics.map(\.name) == ["pearson", "mse", "loss"])
    #expect(result["recall"] == nil)
  }
}
