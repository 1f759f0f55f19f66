import Checkpoints
import Foundation
import Heads
import TestSupport
import Testing

/// What `config.json` of a checkpoint says of its head's outputs.
@Suite struct CheckpointLabelTests {
  private func fields(_ json: String) throws -> ConfigurationFields {
    try ConfigurationFields(JSONValue(Data(json.utf8), file: "config.json"), file: "config.json")
  }

  @Test(arguments: [
    (#"{"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 2, "b": 0, "c": 1}}"#, ["a", "b", "c"]),
    (#"{"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}"#, ["a", "b", "c"]),
    (#"{"id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"x": [], "y": "no"}}"#, ["a", "b", "c"]),
    (#"{"id2label": {"2": "c", "0": "a"}}"#, ["a", "LABEL_1", "c"]),
    (#"{"id2label": {"0": 5, "1": 1.5, "2": true}}"#, ["5", "1.5", "True"]),
    (#"{"label2id": {"a": 0, "c": 2}}"#, ["a", "LABEL_1", "c"]),
    (#"{"label2id": {"a": "0", "b": "1", "c": "2"}}"#, ["a", "b", "c"]),
    // A number of two labels names nothing, in whatever order they stand.
    (#"{"label2id": {"a": 0, "b": 0, "c": 2}}"#, ["LABEL_0", "LABEL_1", "c"]),
    (#"{"num_labels": 3}"#, ["LABEL_0", "LABEL_1", "LABEL_2"]),
    ("{}", ["LABEL_0", "LABEL_1", "LABEL_2"]),
  ])
  func `Names come from id2label, then from label2id, then from the numbers`(_ json: String, _ names: [String]) throws {
    #expect(try fields(json).labelNames(ofOutputs: 3) == names)
  }

  @Test func `Equal names are told apart by the numbers of their outputs`() throws {
    #expect(
      try fields(#"{"id2label": {"0": "other", "1": "x", "2": "other"}}"#).labelNames(ofOutputs: 3)
        == ["other#0", "x", "other#2"])
    // Also where that name is another output's.
    #expect(LabelNames.distinct(["a", "a#0", "a"]) == ["a#0#", "a#0", "a#2"])
  }

  @Test(arguments: [#"{"id2label": {"x": "a"}}"#, #"{"id2label": {"-1": "a"}}"#, #"{"id2label": {"3": "a"}}"#])
  func `A name without an output is refused`(_ json: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try fields(json).labelNames(ofOutputs: 3) }
    #expect(error?.description.contains("'id2label'") == true)
  }

  @Test(arguments: [
    ("{}", 3, ScoreFunction.softmax), ("{}", 1, .sigmoid), (#"{"problem_type": "regression"}"#, 1, .identity),
    (#"{"problem_type": "regression"}"#, 3, .identity),
    (#"{"problem_type": "multi_label_classification"}"#, 3, .sigmoid),
    (#"{"problem_type": "single_label_classification"}"#, 3, .softmax),
    (#"{"problem_type": "single_label_classification"}"#, 1, .sigmoid),
    (#"{"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}"#, 1, .identity),
    (#"{"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}"#, 1, .sigmoid),
    (#"{"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}}"#, 3, .softmax),
    (#"{"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}"#, 1, .identity),
    (
      #"{"sbert_ce_default_activation_function": "a.Identity", "sentence_transformers": {"activation_fn": "b.Sigmoid"}}"#,
      1, .sigmoid
    ),
    (#"{"problem_type": "regression", "sbert_ce_default_activation_function": "a.Sigmoid"}"#, 1, .identity),
  ])
  func `The configuration decides how outputs are scored`(
    _ json: String, _ outputs: Int, _ function: ScoreFunction
  ) throws {
    #expect(try fields(json).outputMeaning(outputs: outputs).score == function)
  }

  /// transformers: `pipelines/text_classification.py` gives the sigmoid, `modeling_deberta_v2.py` trains by the squared
  /// error.
  @Test func `A single output that nothing explains is scored by the sigmoid and trained as a value`() throws {
    for explained in [
      #"{"problem_type": "regression"}"#, #"{"problem_type": "single_label_classification"}"#,
      #"{"problem_type": "multi_label_classification"}"#, #"{"sbert_ce_default_activation_function": "a.Sigmoid"}"#,
    ] {
      let meaning = try fields(explained).outputMeaning(outputs: 1)
      #expect(meaning.target == meaning.score)
    }
    #expect(try fields("{}").outputMeaning(outputs: 2) == OutputMeaning(score: .softmax))
    let meaning = try fields("{}").outputMeaning(outputs: 1)
    #expect(meaning == OutputMeaning(score: .sigmoid, target: .identity))
    let trained = HeadSettings(.classification, labels: ["x"], meaning: meaning).answeringTargets
    #expect(trained.meaning == OutputMeaning(score: .identity) && trained.labels == ["x"])
  }

  @Test(arguments: [
    (#"{"problem_type": "ranking"}"#, "problem_type"),
    (#"{"sentence_transformers": {"activation_fn": "torch.nn.Tanh"}}"#, "sentence_transformers.activation_fn"),
    (#"{"sbert_ce_default_activation_function": "x.Softmax"}"#, "sbert_ce_default_activation_function"),
  ])
  func `A function that is not known is refused by its key`(_ json: String, _ key: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try fields(json).outputMeaning(outputs: 1) }
    #expect(error?.description.contains("'\(key)'") == true)
  }

  /// Literals of exp(1) / (exp(1) + exp(2)) and 1 / (1 + exp(-1)).
  @Test func `Scores are softmax, sigmoid or the outputs themselves`() {
    expectClose(ScoreFunction.softmax.scores([1, 2]), [0.26894142, 0.73105858], .op)
    expectClose(ScoreFunction.sigmoid.scores([1, 0]), [0.73105858, 0.5], .op)
    #expect(ScoreFunction.identity.scores([3, -4]) == [3, -4])
    #expect(ScoreFunction.softmax.scores([.nan, 1]).allSatisfy { $0.isNaN })
  }

  @Test func `Outputs without names can be named, as many as there are`() throws {
    let settings = HeadSettings(.classification, labels: LabelNames.numbered(2))
    #expect(settings.hasNumberedLabels)
    let named = try settings.naming(["no", "yes"])
    #expect(named.labels == ["no", "yes"] && !named.hasNumberedLabels)
    #expect(named.members["label2id"] == .object(["no": .integer(0), "yes": .integer(1)]))
    #expect(throws: LabelNamesError.count(expected: 2, found: 3)) { try settings.naming(["a", "b", "c"]) }
    #expect(throws: LabelNamesError.self) {
      try HeadSettings(.questionAnswering, labels: ["a", "b"]).naming(["c", "d"])
    }
  }

  /// A probability of one output is nothing that the reference's file says.
  @Test(arguments: [
    OutputMeaning(score: .identity), OutputMeaning(score: .sigmoid), OutputMeaning(score: .sigmoid, target: .identity),
  ])
  func `What a head's outputs mean survives saving`(_ meaning: OutputMeaning) throws {
    let folder = try TemporaryFolder()
    let head = PredictionHead(
      HeadSettings(.classification, labels: ["x"], meaning: meaning), hiddenSize: 6, layerNormEps: 1e-7,
      deviation: 0.5, seed: 1, TinyModel.compute)
    try SavedHead.write(head, named: "h", modelName: "m", hiddenSize: 6, to: folder.path, TinyModel.compute)
    let again = try SavedHead.read(folder.path, hiddenSize: 6, layerNormEps: 1e-7, TinyModel.compute).head
    #expect(again.settings.meaning == meaning)
    let members = try ConfigurationFields(path: folder.path("head_config.json")).members
    #expect((members["function_to_apply"] == nil) == (meaning.score == .identity))
    #expect((members["function_to_train"] == nil) == (meaning.target == meaning.score))
  }

  @Test func `A function that a saved head does not have is refused`() throws {
    let folder = try TemporaryFolder()
    let settings = HeadSettings(.multilabelClassification, labels: ["x", "y"])
    let head = PredictionHead(
      settings, hiddenSize: 6, layerNormEps: 1e-7, deviation: 0.5, seed: 1, TinyModel.compute)
    try SavedHead.write(head, named: "h", modelName: "m", hiddenSize: 6, to: folder.path, TinyModel.compute)
    func read(_ function: JSONValue) throws -> HeadSettings {
      let file = folder.path("head_config.json")
      var members = try ConfigurationFields(path: file).members
      members["function_to_apply"] = function
      try JSONValue.object(members).write(to: file)
      return try SavedHead.read(folder.path, hiddenSize: 6, layerNormEps: 1e-7, TinyModel.compute).head.settings
    }
    #expect(try read(.null).meaning.score == .sigmoid)
    #expect(try read(.string("sigmoid")).meaning.score == .sigmoid)
    for function in ["softmax", "none"] {
      let error = #expect(throws: ConfigurationError.self) { try read(.string(function)) }
      #expect(error?.description.contains("'function_to_apply'") == true)
    }
  }
}
