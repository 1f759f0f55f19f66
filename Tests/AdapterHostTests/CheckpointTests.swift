import AdapterHost
import Checkpoints
import Foundation
import TestSupport
import Testing

/// What a folder must hold, and what is said where it does not.
@Suite struct CheckpointTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var weights: String { folder.path("model.safetensors") }

  /// A copy of a base with other settings or tensors.
  private func copy(
    _ base: String = "v3", settings: (inout [String: JSONValue]) -> Void = { _ in },
    tensors change: (inout [OutgoingTensor]) -> Void = { _ in }
  ) throws {
    var members = try ConfigurationFields(path: Fixtures.base(base) + "/config.json").members
    settings(&members)
    try JSONValue.object(members).write(to: folder.path("config.json"))
    var tensors = try TensorFile(path: Fixtures.base(base) + "/model.safetensors").outgoing
    change(&tensors)
    try Safetensors.write(tensors, to: weights)
  }

  private func load() throws -> DebertaV2AdapterModel {
    try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
  }

  private func error() throws -> CheckpointError { try #require(throws: CheckpointError.self) { try load() } }

  @Test func aCopyIsTheModel() throws {
    try copy()
    let ids = TinyModel.ids([9])
    expectClose(try load()(ids).values, try TinyModel.load()(ids).values, .exact)
  }

  @Test func aMissingTensorIsNamed() throws {
    try copy(tensors: { tensors in tensors.removeAll { $0.name.hasSuffix("layer.1.output.dense.bias") } })
    guard case .missingTensor(name: let name, file: weights, let nearest) = try error() else {
      Issue.record("\(try error())")
      return
    }
    #expect(name.hasSuffix("encoder.layer.1.output.dense.bias"))
    #expect(nearest.allSatisfy { $0.contains("bias") || $0.contains("weight") })
  }

  @Test func aTensorTooManyIsNamed() throws {
    let extra = OutgoingTensor(
      name: "encoder.layer.3.output.dense.bias", shape: [48], values: Array(repeating: 0, count: 48))
    try copy(tensors: { $0.append(extra) })
    #expect(try error() == .unusedTensors(names: ["encoder.layer.3.output.dense.bias"], file: weights))
  }

  @Test func aTensorOfAnotherShapeIsNamedWithBothShapes() throws {
    try copy(settings: { $0["intermediate_size"] = .integer(81) })
    guard case .wrongShape(let name, let expected, let found, weights) = try error() else {
      Issue.record("\(try error())")
      return
    }
    #expect(name.hasSuffix("layer.0.intermediate.dense.weight") && expected == [81, 48] && found == [80, 48])
  }

  /// A checkpoint of another number of layers is not cut short in silence.
  @Test func layersTooManyAreRefused() throws {
    try copy(settings: { $0["num_hidden_layers"] = .integer(2) })
    guard case .unusedTensors(let names, weights) = try error() else {
      Issue.record("\(try error())")
      return
    }
    #expect(names.allSatisfy { $0.contains("layer.2.") } && names.count == 16)
  }

  @Test func tensorsMayStandBelowTheModelsName() throws {
    try copy(tensors: { tensors in
      tensors = tensors.map {
        let name = $0.name.hasPrefix("deberta.") ? String($0.name.dropFirst(8)) : "deberta." + $0.name
        return OutgoingTensor(name: name, shape: $0.shape, values: $0.values)
      }
    })
    let ids = TinyModel.ids([9])
    expectClose(try load()(ids).values, try TinyModel.load()(ids).values, .exact)
  }

  @Test func tensorsOfHeadsAndObjectivesAreKnown() throws {
    try copy(tensors: { tensors in
      for name in [
        "cls.predictions.bias", "classifier.weight", "mask_predictions.dense.weight", "embeddings.position_ids",
      ] {
        tensors.append(OutgoingTensor(name: name, shape: [1], values: [0]))
      }
    })
    #expect(try load().headNames.isEmpty)
  }

  @Test func whatIsNoCheckpointIsRefusedByWhatIsMissing() throws {
    let missing = try #require(refusal { _ = try load() })
    #expect(missing.contains("config.json"))
    try copy()
    try FileManager.default.removeItem(atPath: weights)
    let none = try #require(refusal { _ = try load() })
    #expect(none.contains("model.safetensors") && none.contains(folder.path))
    try copy()
    let handle = try FileHandle(forWritingTo: URL(filePath: weights))
    try handle.truncate(atOffset: 5000)
    try handle.close()
    let truncated = try #require(refusal { _ = try load() })
    #expect(truncated.contains(weights))
    try copy(settings: { $0["model_type"] = .string("roberta") })
    #expect(refusal { _ = try load() }?.contains("'model_type' is 'roberta'") == true)
  }
}

/// Inputs from a file, and what is written of them.
@Suite struct ForwardRequestTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func run(_ inputs: String, _ model: DebertaV2AdapterModel? = nil, recording kinds: Trace.Kinds = []) throws
    -> TensorFile
  {
    let path = try folder.write(inputs, as: "inputs.json")
    let request = try ForwardRequest(inputs: path, setup: nil, heads: nil, recording: kinds)
    try request.run(model ?? TinyModel.load(), output: folder.path("out.safetensors"))
    return try TensorFile(path: folder.path("out.safetensors"))
  }

  @Test func paddedPositionsAreZeroAndTheOthersAreTheModels() throws {
    let file = try run(#"{"input_ids": [[5, 6, 0, 7], [8, 0, 0, 0]], "attention_mask": [[1, 1, 0, 1], [1, 0, 0, 0]]}"#)
    let states = try #require(file["last_hidden_state"])
    #expect(states.shape == [2, 4, 48])
    let values = try states.floats()
    func token(_ row: Int, _ column: Int) -> [Float] {
      Array(values[(row * 4 + column) * 48..<(row * 4 + column + 1) * 48])
    }
    for (row, column) in [(0, 2), (1, 1), (1, 2), (1, 3)] {
      #expect(token(row, column) == Array(repeating: 0, count: 48))
    }
    let model = try TinyModel.load()
    expectClose(token(1, 0), try model([[8]]).values, .exact)
    let padded = try PaddedInput(ids: [[5, 6, 0, 7]], mask: .tokens([[1, 1, 0, 1]]), model.configuration)
    expectClose(token(0, 0) + token(0, 1) + token(0, 3), try model(padded.batch).values, .exact)
  }

  @Test func withoutAMaskEveryTokenIsReal() throws {
    let values = try #require(try run(#"{"input_ids": [[5, 6, 0, 7]]}"#)["last_hidden_state"]).floats()
    expectClose(values, try TinyModel.load()([[5, 6, 0, 7]]).values, .exact)
  }

  @Test func whatIsAskedForIsWritten() throws {
    let plain = try run(#"{"input_ids": [[5, 6]]}"#)
    #expect(plain.tensors.map(\.name) == ["last_hidden_state"])
    let all = try run(#"{"input_ids": [[5, 6]]}"#, recording: [.hiddenStates, .attentions, .gatingScores])
    #expect(
      all.tensors.map(\.name).sorted() == [
        "attentions/0", "attentions/1", "attentions/2", "hidden_states/0", "hidden_states/1", "hidden_states/2",
        "hidden_states/3", "last_hidden_state",
      ])
    #expect(all["attentions/0"]?.shape == [1, 4, 2, 2])
  }

  @Test(arguments: [
    ("{}", "input_ids"), ("[]", "object"), ("{", "inputs.json"), (#"{"input_ids": 3}"#, "input_ids"),
    (#"{"input_ids": [[1, "x"]]}"#, "input_ids"), (#"{"input_ids": [[1, 2], [3]]}"#, "input_ids"),
    (#"{"input_ids": [[1.5]]}"#, "input_ids"), (#"{"input_ids": [[1, 97]]}"#, "97"),
    (#"{"input_ids": [[-1]]}"#, "-1"), (#"{"input_ids": [[99999999999999999999]]}"#, "input_ids"),
    (#"{"input_ids": [[1]], "attention_mask": [[1, 1]]}"#, "attention_mask"),
    (#"{"input_ids": [[1]], "attention_mask": "yes"}"#, "attention_mask"),
    (#"{"input_ids": [[1]], "attention_mask": [[2]]}"#, "attention_mask"),
    (#"{"input_ids": [[1]], "token_type_ids": [[1]]}"#, "token_type_ids"),
    (#"{"input_ids": [[1]], "token_type_ids": [1]}"#, "token_type_ids"),
    (#"{"input_ids": [[[1]], [[1], [2]]]}"#, "input_ids"),
  ])
  func inputsThatCannotBeAreRefusedByName(_ inputs: String, _ name: String) throws {
    let refusal = try #require(refusal { _ = try run(inputs) })
    #expect(refusal.contains(name), "\(refusal)")
    #expect(!FileManager.default.fileExists(atPath: folder.path("out.safetensors")))
  }

  @Test func aFileThatCannotBeReadOrWrittenIsNamed() throws {
    #expect(
      refusal { _ = try ForwardRequest(inputs: folder.path("none.json"), setup: nil, heads: nil, recording: []) }?
        .contains("none.json") == true)
    let path = try folder.write(#"{"input_ids": [[1]]}"#, as: "inputs.json")
    let request = try ForwardRequest(inputs: path, setup: nil, heads: nil, recording: [])
    let model = try TinyModel.load()
    #expect(
      refusal { try request.run(model, output: folder.path("none/out.safetensors")) }?
        .contains("none/out.safetensors") == true)
  }

  @Test func noRowsAreNoRows() throws {
    #expect(try #require(try run(#"{"input_ids": []}"#)["last_hidden_state"]).shape == [0, 0, 48])
    #expect(try #require(try run(#"{"input_ids": [[], []]}"#)["last_hidden_state"]).shape == [2, 0, 48])
    let masked = try run(#"{"input_ids": [[3, 4]], "attention_mask": [[0, 0]]}"#)
    #expect(try #require(masked["last_hidden_state"]).floats() == Array(repeating: 0, count: 96))
  }
}
