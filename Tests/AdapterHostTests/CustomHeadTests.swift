import AdapterHost
import Checkpoints
import Tensors
import TestSupport
import Testing

/// The mean of a row's states through one linear layer.
private struct MeanHead: CustomHead {
  static let type = "mean"
  let weight: Tensor

  init(weight: Tensor) { self.weight = weight }

  init(settings: ConfigurationFields, tensors: WeightReader, hiddenSize: Int) throws {
    guard let outputs = try settings.integer("outputs", in: 1...100) else {
      throw ConfigurationError.missing(key: "outputs", file: settings.file)
    }
    weight = try tensors.tensor("dense.weight", [outputs, hiddenSize])
  }

  var settings: [String: JSONValue] { ["outputs": .integer(weight.rows)] }
  var tensors: [OutgoingTensor] {
    [OutgoingTensor(name: "dense.weight", shape: [weight.rows, weight.columns], values: weight.array)]
  }

  func callAsFunction(_ states: Tensor, on pass: Pass) -> Tensor {
    let all = pass.linear(states, pass.layer(weight: weight)).array
    let means = (0..<weight.rows).map { output in
      (0..<states.rows).reduce(Float(0)) { $0 + all[$1 * weight.rows + output] } / Float(states.rows)
    }
    return Tensor(means, rows: 1, columns: weight.rows)
  }
}

@Suite struct CustomHeadTests {
  @Test func aHeadOfAnApplicationAnswersIsSavedAndIsLoaded() throws {
    var model = try TinyModel.load()
    let ids = TinyModel.ids([7, 3])
    let width = model.configuration.hiddenSize
    var random = RandomNumbers(seed: 3)
    let head = MeanHead(weight: Tensor((0..<2 * width).map { _ in random.normal() }, rows: 2, columns: width))
    model.addCustomHead("m", head)
    let output = try model(ids)
    let answers = try model.answers(ofCustomHead: "m", to: output).map(\.array)
    #expect(answers.map(\.count) == [2, 2] && answers[0] != answers[1])
    let states = output.values(row: 1)
    let expected = (0..<2).map { label in
      states.indices.reduce(Float(0)) { $0 + states[$1] * head.weight.array[label * width + $1 % width] } / 3
    }
    expectClose(answers[1], expected, .model)

    let folder = try TemporaryFolder()
    try model.saveCustomHead("m", to: folder.path("m"))
    var fresh = try TinyModel.load()
    #expect(try fresh.loadCustomHead(MeanHead.self, from: folder.path("m")) == "m")
    #expect(try fresh.answers(ofCustomHead: "m", to: fresh(ids)).map(\.array) == answers)
    #expect(throws: ConfigurationError.self) { try fresh.loadHead(folder.path("m")) }
    fresh.deleteCustomHead("m")
    #expect(throws: ModelError.unknownHead(name: "m", nearest: [])) { try fresh.answers(ofCustomHead: "m", to: output) }

    try model.addHead("c", HeadSettings(.classification, labels: ["a", "b"]))
    try model.saveHead("c", to: folder.path("c"))
    #expect(refusal { try fresh.loadCustomHead(MeanHead.self, from: folder.path("c")) }?.contains("'mean'") == true)
  }
}
