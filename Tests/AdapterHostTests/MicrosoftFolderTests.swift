import AdapterHost
import Checkpoints
import Deberta
import Foundation
import TestSupport
import Testing

/// Folders of DeBERTa v1 as Microsoft published them, before they were converted for transformers.
@Suite struct MicrosoftFolderTests {
  private let folder: TemporaryFolder
  private let ids = TinyModel.ids([9, 4])
  /// The base of the fixtures in Microsoft's words.
  private let members: [String: JSONValue] = [
    "hidden_size": .integer(48), "num_hidden_layers": .integer(3), "num_attention_heads": .integer(4),
    "intermediate_size": .integer(80), "hidden_act": .string("gelu"), "vocab_size": .integer(97),
    "max_position_embeddings": .integer(40), "max_relative_positions": .integer(-1), "type_vocab_size": .integer(-1),
    "relative_attention": .bool(true), "position_biased_input": .bool(false), "pos_att_type": .string("p2c|c2p"),
    "padding_idx": .integer(0), "layer_norm_eps": .number(1e-7),
    "pooling": .object(["dropout": .number(0), "hidden_act": .string("tanh")]),
  ]

  init() throws { folder = try TemporaryFolder() }

  private var tensors: [OutgoingTensor] {
    get throws { try CheckpointFolder(path: Fixtures.base("deberta-v1")).weights.outgoing }
  }

  private func write(prefix: String, _ more: [OutgoingTensor] = []) throws {
    let named = try tensors.map { OutgoingTensor(name: prefix + $0.name, shape: $0.shape, values: $0.values) }
    try WeightFormat.bin.write(
      named + more, as: ["unused.safetensors", "pytorch_model.bin"], to: folder.path)
  }

  private func load() throws -> DebertaV2AdapterModel {
    try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
  }

  private func expectTheBase(_ model: DebertaV2AdapterModel) throws {
    #expect(model.configuration.family == .v1)
    expectClose(try model(ids).values, try TinyModel.load("deberta-v1")(ids).values, .exact)
  }

  @Test(arguments: ["bert.", "deberta.", ""])
  func aModelConfigurationWithoutATypeIsThatOfItsTensors(_ prefix: String) throws {
    try write(prefix: prefix)
    try JSONValue.object(members).write(to: folder.path("model_config.json"))
    try expectTheBase(load())
  }

  @Test func theWeightsMayHaveTheNameOfTheFirstReleases() throws {
    try write(prefix: "bert.")
    try FileManager.default.moveItem(
      atPath: folder.path("pytorch_model.bin"), toPath: folder.path("pytorch.model.bin"))
    try JSONValue.object(members).write(to: folder.path("model_config.json"))
    try expectTheBase(load())
  }

  /// transformers' file comes first, where there are both.
  @Test func configJSONCountsBesideModelConfigJSON() throws {
    try write(prefix: "deberta.")
    try AtomicFile.write(
      CheckpointFolder(path: Fixtures.base("deberta-v1")).configuration, to: folder.path("config.json"))
    try folder.write("{", as: "model_config.json")
    try expectTheBase(load())
  }

  @Test func theActivationOfThePoolerIsThatOfPooling() throws {
    var random = RandomNumbers(seed: 5)
    func tensor(_ name: String, _ shape: [Int]) -> OutgoingTensor {
      OutgoingTensor(name: name, shape: shape, values: (0..<shape.reduce(1, *)).map { _ in random.normal() })
    }
    let head = [
      tensor("pooler.dense.weight", [48, 48]), tensor("pooler.dense.bias", [48]), tensor("classifier.weight", [3, 48]),
      tensor("classifier.bias", [3]),
    ]
    try write(prefix: "deberta.", head)
    try JSONValue.object(members).write(to: folder.path("model_config.json"))
    func logits() throws -> [Float] { try #require(load()(ids).heads["default"]).logits.array }
    let tanh = try logits()
    var others = members
    others["pooling"] = .object(["hidden_act": .string("gelu")])
    try JSONValue.object(others).write(to: folder.path("model_config.json"))
    expectFarOff(try logits(), tanh)
  }

  @Test func withoutAnyConfigurationTheMissingFileIsNamed() throws {
    try write(prefix: "bert.")
    let message = try #require(refusal { _ = try load() })
    #expect(message.contains("config.json"), "\(message)")
  }
}
