import AdapterHost
import Checkpoints
import Deberta
import Foundation
import Kernels
import Tensors
import TestSupport
import Testing

/// What Microsoft's page of DeBERTa v1 says of its configuration and its modules, row by row: the article of that name
/// has the table.
@Suite struct MicrosoftPageTests {
  private let ids = TinyModel.ids([11, 5])

  /// The base of v1 with other settings, and some of its tensors left out.
  private func model(
    _ settings: [String: JSONValue], without parts: [String] = [], adding tensors: [OutgoingTensor] = []
  ) throws -> DebertaV2AdapterModel {
    let folder = try TemporaryFolder()
    let source = try CheckpointFolder(path: Fixtures.base("deberta-v1"))
    guard case .object(var members) = try JSONValue(source.configuration, file: "config.json") else {
      throw ConfigurationError.missing(key: "", file: "config.json")
    }
    members.merge(settings) { _, new in new }
    try JSONValue.object(members).write(to: folder.path("config.json"))
    let kept = try source.weights.outgoing.filter { tensor in !parts.contains { tensor.name.contains($0) } }
    try Safetensors.write(kept + tensors, to: folder.path("model.safetensors"))
    return try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
  }

  private func values(_ settings: [String: JSONValue], without parts: [String] = []) throws -> [Float] {
    try model(settings, without: parts)(ids).values
  }

  // MARK: ModelConfig

  @Test(arguments: [
    ("hidden_size", 96), ("num_hidden_layers", 2), ("num_hidden_layers", 4), ("intermediate_size", 81),
    ("vocab_size", 98), ("max_position_embeddings", 41),
  ])
  func everySizeMustBeThatOfTheTensors(_ key: String, _ value: Int) throws {
    let message = try #require(refusal { _ = try model([key: .integer(value)]) })
    #expect(message.contains("embeddings.") || message.contains("encoder."), "\(message)")
    // The size as it is.
    let own = ["hidden_size": 48, "num_hidden_layers": 3, "intermediate_size": 80, "vocab_size": 97]
    _ = try model([key: .integer(own[key] ?? 40)])
  }

  @Test func theNumberOfHeadsChangesTheOutput() throws {
    expectFarOff(try values(["num_attention_heads": .integer(2)]), try values([:]))
    #expect(try #require(refusal { _ = try model(["num_attention_heads": .integer(5)]) }).contains("divisor"))
  }

  @Test func everyActivationOfTheConfigurationActs() throws {
    let outputs = try ["gelu", "relu", "swish", "tanh"].map { try values(["hidden_act": .string($0)]) }
    expectClose(outputs[0], try values([:]), .exact)
    for (index, output) in outputs.enumerated() {
      for other in outputs[..<index] { expectFarOff(output, other) }
    }
  }

  @Test func dropoutActsInTrainingAlone() throws {
    func states(_ hidden: Double, _ attention: Double, isTraining: Bool) throws -> [Float] {
      let members: [String: JSONValue] = [
        "hidden_dropout_prob": .number(hidden), "attention_probs_dropout_prob": .number(attention),
      ]
      let source = try CheckpointFolder(path: Fixtures.base("deberta-v1"))
      guard case .object(var all) = try JSONValue(source.configuration, file: "config.json") else { return [] }
      all.merge(members) { _, new in new }
      let shape = try DebertaConfiguration(json: Data(JSONValue.object(all).line.utf8), file: "config.json")
      let encoder = try Encoder(WeightReader(WeightLedger(source.weights), TinyModel.compute), shape)
      let pass = Pass(encoder.compute, dropout: isTraining ? DropoutSeed(seed: 1, step: 1) : nil)
      return encoder(Batch(ids), AdapterPlan(base: encoder, rows: 2), on: pass).hidden.array
    }
    let plain = try states(0, 0, isTraining: false)
    expectClose(try states(0.5, 0.5, isTraining: false), plain, .exact)
    expectClose(try states(0, 0, isTraining: true), plain, .exact)
    expectFarOff(try states(0.1, 0, isTraining: true), plain)
    expectFarOff(try states(0, 0.1, isTraining: true), plain)
  }

  /// Where neither relative nor absolute positions count, another order of the tokens is another order of the states.
  @Test func withoutAnyPositionsOrderMeansNothing() throws {
    let positions = ["rel_embeddings", "pos_proj", "pos_q_proj"]
    let model = try model(["relative_attention": .bool(false), "pos_att_type": .null], without: positions)
    let text = ids[0]
    let order = [3, 0, 10, 1, 2, 9, 8, 4, 5, 7, 6]
    let states = try model([text]).values
    expectClose(try model([order.map { text[$0] }]).values, tokens(states, order), .model)
    let relative = try TinyModel.load("deberta-v1")
    expectFarOff(try relative([order.map { text[$0] }]).values, tokens(try relative([text]).values, order))
  }

  @Test func absolutePositionsMoveTheOutput() throws {
    let table = OutgoingTensor(
      name: "embeddings.position_embeddings.weight", shape: [40, 48],
      values: (0..<40 * 48).map { Float($0 * 37 % 11) / 11 })
    let biased = try model(["position_biased_input": .bool(true)], adding: [table])
    expectFarOff(try biased(ids).values, try values([:]))
    #expect(refusal { _ = try biased(TinyModel.ids([41])) }?.contains("40") == true)
    // Without the table nothing is made up.
    let message = try #require(refusal { _ = try model(["position_biased_input": .bool(true)]) })
    #expect(message.contains("position_embeddings"), "\(message)")
  }

  @Test func everyCombinationOfPositionTermsIsAnotherModel() throws {
    let outputs = [
      try values(["pos_att_type": .string("c2p|p2c")]),
      try values(["pos_att_type": .string("c2p")], without: ["pos_q_proj"]),
      try values(["pos_att_type": .string("p2c")], without: ["pos_proj"]),
      try values(["pos_att_type": .string("none")], without: ["pos_proj", "pos_q_proj"]),
      try values(["pos_att_type": .string("c2p|p2c|p2p")]),
    ]
    expectClose(outputs[0], try values([:]), .exact)
    for (index, output) in outputs.enumerated() {
      for other in outputs[..<index] { expectFarOff(output, other) }
    }
  }

  @Test(arguments: ["padding_idx", "pad_token_id"])
  func thePaddingIDGoesByEitherName(_ key: String) throws {
    let json = "{\"model_type\": \"deberta\", \"\(key)\": 7}"
    #expect(try DebertaConfiguration(json: Data(json.utf8), file: "config.json").padID == 7)
    #expect(try DebertaConfiguration(json: Data("{}".utf8), file: "config.json").padID == 0)
  }

  @Test(arguments: [Float(0.02), 0.5])
  func freshHeadsHaveTheDeviationOfTheConfiguration(_ deviation: Float) throws {
    var model = try model(["initializer_range": .number(Double(deviation))])
    try model.addMaskedLMHead("h", seed: 3)
    let folder = try TemporaryFolder()
    try model.saveHead("h", to: folder.path)
    let tensors = try TensorFile(path: folder.path("model_head.safetensors")).tensors
    let weight = try #require(tensors.first { $0.shape == [48, 48] }).floats()
    let square = weight.reduce(0) { $0 + $1 * $1 } / Float(weight.count)
    #expect(abs(square.squareRoot() / deviation - 1) < 0.1)
  }

  // MARK: Modules

  @Test func theRowOfADistanceIsQueryMinusKey() {
    let positions = RelativePositions(buckets: nil, maximum: 4)
    #expect((-6...6).map(positions.row(ofDistance:)) == [0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7])
  }

  /// Twice the values and four times the epsilon are the same; with an epsilon beside the root they would not be.
  @Test func theEpsilonStandsInsideTheRoot() {
    let pass = Pass(TinyModel.compute)
    let one = Tensor([1, 1, 1, 1], rows: 1, columns: 4)
    let zero = Tensor([0, 0, 0, 0], rows: 1, columns: 4)
    let x = Tensor([1, 2, 4, 7], rows: 1, columns: 4)
    let plain = pass.norm(x, LayerNorm(gain: one, bias: zero, eps: 0.5)).array
    expectClose(pass.norm(pass.scaled(x, by: 2), LayerNorm(gain: one, bias: zero, eps: 2)).array, plain, .op)
    expectFarOff(pass.norm(x, LayerNorm(gain: one, bias: zero, eps: 2)).array, plain, by: .op)
    // (1 - 3.5) / sqrt(5.25 + 0.5)
    expectClose([plain[0]], [-2.5 / Float(5.75).squareRoot()], .op)
  }

  @Test(arguments: ["deberta-v1", "v3"])
  func whatIsHiddenHasNoProbability(_ base: String) throws {
    let model = try TinyModel.load(base)
    // Token 4 sees nothing, and all others see it; nobody else sees token 2.
    let mask = (0..<6).map { query in (0..<6).map { key in query == 4 || (key == 2 && query != 2) ? 0 : 1 } }
    let padded = try PaddedInput(
      ids: [ids[0].prefix(6).map(Int.init)], mask: .pairs([mask]), model.configuration)
    let trace = Trace([.attentions])
    let output = try model(padded.batch, trace: trace)
    #expect(output.values.allSatisfy { $0.isFinite })
    let map = try #require(trace.attentions.first?.first)
    try #require(map.rows == 24 && map.columns == 6)
    for row in 0..<24 {
      for key in 0..<6 {
        let isHidden = mask[row % 6][key] == 0
        #expect((map.array[row * 6 + key] == 0) == isHidden, "row \(row), key \(key)")
      }
    }
  }

  @Test func keptElementsAreScaledAndTheSameElementsHaveGradients() {
    let compute = TinyModel.compute
    let x = Tensor(Array(repeating: 1, count: 4000), rows: 4, columns: 1000)
    let tape = Tape(compute)
    tape.watch(x)
    let pass = Pass(compute, tape: tape, dropout: DropoutSeed(seed: 2, step: 5))
    let y = pass.dropped(x, 0.25)
    #expect(Set(y.array) == [0, 1 / Float(0.75)])
    #expect((800..<1200).contains(y.array.count { $0 == 0 }))
    // Σ y² / 2 has the gradient y ⊙ mask / (1 - p), which is 0 where y is.
    let ones = Tensor(Array(repeating: 1, count: 1000), rows: 1, columns: 1000)
    let sums = pass.linear(y, pass.layer(weight: ones))
    let loss = pass.product(Tensor([1, 1, 1, 1], rows: 1, columns: 4), sums)
    let values = y.array
    tape.backward(from: loss)
    #expect(tape.gradient(of: x)?.array == values)
  }

  // MARK: p2p

  /// Of v2 and v3: no term as published, a term where it is requested.
  @Test func theRepairedTermActs() throws {
    let folder = try TemporaryFolder()
    let source = try CheckpointFolder(path: Fixtures.base("v3"))
    func model(_ settings: [String: JSONValue]) throws -> DebertaV2AdapterModel {
      guard case .object(var members) = try JSONValue(source.configuration, file: "config.json") else {
        throw ConfigurationError.missing(key: "", file: "config.json")
      }
      members.merge(settings) { _, new in new }
      try JSONValue.object(members).write(to: folder.path("config.json"))
      try Safetensors.write(source.weights.outgoing, to: folder.path("model.safetensors"))
      return try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
    }
    let plain = try model([:])(ids).values
    let ignored = try model(["pos_att_type": .string("c2p|p2c|p2p")])
    expectClose(try ignored(ids).values, plain, .exact)
    #expect(ignored.configuration.warnings.count == 1 && ignored.configuration.warnings[0].contains("repaired_p2p"))
    let repaired = try model(["pos_att_type": .string("c2p|p2c|p2p"), "repaired_p2p": .bool(true)])
    #expect(repaired.configuration.warnings.isEmpty)
    expectFarOff(try repaired(ids).values, plain)
    // Its rows are alone what they are together, whatever else is in the batch.
    for row in 0..<2 { expectClose(try repaired([ids[row]]).values, try repaired(ids).values(row: row), .exact) }
    let span = try #require(repaired.configuration.relativePositions?.span)
    let error = try #require(throws: InputError.self) { try repaired(TinyModel.ids([span + 1])) }
    #expect(error.description.contains("\(span)"))
    #expect(refusal { _ = try model(["repaired_p2p": .bool(true)]) }?.contains("'repaired_p2p'") == true)
  }
}
