import AdapterHost
import AdapterMethods
import Deberta
import TestSupport
import Testing

/// The laws of LoRA and DoRA as PEFT has them: of any rank and scale at every linear layer.
@Suite struct PeftLaws {
  enum Method: CaseIterable, CustomTestStringConvertible {
    case lora, dora

    var testDescription: String { "PEFT's \(self)" }

    func callAsFunction(_ shape: DebertaV2Configuration) -> any AdapterMethod {
      let targets = (0..<shape.layerCount).flatMap { layer in
        shape.family.projections.enumerated().map { index, place in
          LoRATarget(place, layer: layer, rank: 1 + (layer + index) % 4, alpha: Float(3 + index))
        }
      }
      return self == .lora ? LoRA(targets) : DoRA(targets)
    }
  }

  private func model(_ method: Method, _ base: String) throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load(base)
    for (name, seed) in [("a", UInt64(11)), ("b", 12)] {
      try model.add(.random(method(model.configuration), for: model.configuration, seed: seed), named: name)
    }
    return model
  }

  private func values(_ model: DebertaV2AdapterModel, _ setup: String?) throws -> [Float] {
    try model(Subject.ids, setup: .composition(setup.map { try Composition($0) })).values
  }

  @Test(arguments: Method.allCases, ["v3", "noshare", "v2conv", "norel", "p2c", "abs"])
  func mergedEqualsApplied(_ method: Method, _ base: String) throws {
    var model = try model(method, base)
    let applied = try values(model, "a")
    expectFarOff(applied, try values(model, nil))
    try model.mergeAdapter("a")
    expectClose(try values(model, nil), applied, .model)
  }

  @Test(arguments: Method.allCases)
  func rowsOfAMixedBatchEqualTheRowsAlone(_ method: Method) throws {
    let model = try model(method, "v3")
    let rows: [Composition?] = [.adapter("a"), nil, .adapter("b"), .sum([.adapter("a"), .adapter("b")])]
    let mixed = try model(Subject.ids, setup: .rows(rows))
    for (row, composition) in rows.enumerated() {
      let alone = try model([Subject.ids[row]], setup: .composition(composition)).values
      expectClose(mixed.values(row: row), alone, .model, "row \(row)")
    }
    expectFarOff(try values(model, "a"), try values(model, "b"))
  }

  @Test(arguments: Method.allCases)
  func gradientsAreWhatDifferencesSay(_ method: Method) throws {
    let shape = try TinyModel.shape()
    let adapter = try Adapter.random(method(shape), for: shape, seed: 5)
    try TrainingSubject(adapters: ["a": adapter], setup: "a").expectGradients()
  }
}
