import AdapterHost
import TestSupport
import Testing

@Suite struct CombinationTests {
  private let ids = TinyModel.ids([7, 3, 12])

  private func model(_ presets: [String: String]) throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    for (index, (name, preset)) in presets.sorted(by: { $0.key < $1.key }).enumerated() {
      try model.addRandom(preset, named: name, seed: UInt64(index + 3))
    }
    return model
  }

  private func values(_ model: DebertaV2AdapterModel, _ name: String) throws -> [Float] {
    try model(ids, setup: .composition(.adapter(name))).values
  }

  /// B A of the combined adapter, layer by layer: [outputs, inputs].
  private func products(_ model: DebertaV2AdapterModel, _ name: String) throws -> [[Double]] {
    let adapter = try #require(model.adapter(name))
    let values = adapter.values
    return try adapter.parameters.specs.filter { $0.member == "lora_A" }.map { a in
      let b = try #require(adapter.parameters.specs.first { $0.place == a.place && $0.member == "lora_B" })
      let (left, right) = (try #require(values[b.id]), try #require(values[a.id]))
      let (rank, inputs) = (a.shape[0], a.shape[1])
      return (0..<b.shape[0] * inputs).map { element in
        (0..<rank).reduce(0) {
          $0 + Double(left[element / inputs * rank + $1]) * Double(right[$1 * inputs + element % inputs])
        }
      }
    }
  }

  @Test func productsOfTwoAdaptersHaveTwiceTheRank() throws {
    var model = try model(["a": "lora[r=3, alpha=6]", "b": "lora[r=3, alpha=6]"])
    let (a, b) = (try products(model, "a"), try products(model, "b"))
    let sum = zip(a, b).map { zip($0, $1).map { 0.75 * $0 - 0.5 * $1 } }
    let weights: [Float] = [0.75, -0.5]
    try model.averageAdapter(
      "whole", of: ["a", "b"], WeightedCombination(.svd, weights: weights, normalizesWeights: false, rank: 6))
    try model.averageAdapter(
      "cut", of: ["a", "b"], WeightedCombination(.svd, weights: weights, normalizesWeights: false, rank: 2))
    let (whole, cut) = (try products(model, "whole"), try products(model, "cut"))
    for layer in sum.indices {
      expectClose(whole[layer], sum[layer], .model)
      expectFarOff(cut[layer], sum[layer])
      // The best approximation: the error is orthogonal to what is kept.
      let error = zip(sum[layer], cut[layer]).map { $0 - $1 }
      let size = cut[layer].reduce(0) { $0 + abs($1) }
      expectClose([zip(error, cut[layer]).reduce(0) { $0 + $1.0 * $1.1 }], [0.0], .op, sizes: [size])
    }
    #expect(model.adapter("cut")?.method.settings["r"] == .integer(2))
    #expect(model.adapter("cut")?.method.settings["alpha"] == .integer(6))
  }

  @Test func aNegativeWeightChangesTheSignOfOneFactor() throws {
    var model = try model(["a": "lora[r=3]", "b": "lora[r=3]"])
    try model.averageAdapter(
      "less", of: ["a", "b"], WeightedCombination(.negateB, weights: [1, -0.5], normalizesWeights: false))
    let (a, b) = (try #require(model.adapter("a")).values, try #require(model.adapter("b")).values)
    for (id, values) in try #require(model.adapter("less")).values {
      let sign: Float = id.hasSuffix("lora_A") ? 0.5 : -0.5
      expectClose(values, zip(try #require(a[id]), try #require(b[id])).map { $0 + sign * $1 }, .op, id)
    }
  }

  @Test func whatCannotBeCombinedIsRefusedAndNothingChanges() throws {
    var model = try model([
      "a": "lora[r=3]", "b": "lora[r=4]", "c": "seq_bn", "g": "lora[r=3, use_gating=True]", "h": "lora[r=3]",
    ])
    let names = model.adapterNames
    func refusal(_ names: [String], _ combination: WeightedCombination = WeightedCombination()) -> String? {
      TestSupport.refusal { try model.averageAdapter("new", of: names, combination) }
    }
    #expect(refusal(["a", "b"])?.contains("differ in 'r': 3 and 4") == true)
    #expect(refusal(["a", "c"])?.contains("differ in") == true)
    #expect(refusal(["a", "x"])?.contains("'x'") == true)
    #expect(refusal([])?.contains("nothing to combine") == true)
    #expect(refusal(["a", "h"], WeightedCombination(weights: [1]))?.contains("1 weight for 2 inputs") == true)
    #expect(refusal(["a", "h"], WeightedCombination(weights: [1, -1]))?.contains("sum to 0") == true)
    #expect(refusal(["a", "h"], WeightedCombination(weights: [1, .nan]))?.contains("finite") == true)
    #expect(refusal(["a", "h"], WeightedCombination(rank: 2))?.contains("'linear' keeps") == true)
    #expect(refusal(["a", "h"], WeightedCombination(.svd))?.contains("needs the rank") == true)
    #expect(refusal(["a", "h"], WeightedCombination(.svd, rank: 49))?.contains("[48, 48]") == true)
    #expect(refusal(["g"], WeightedCombination(.svd, rank: 2))?.contains("gate.weight") == true)
    #expect(refusal(["c"], WeightedCombination(.negateB))?.contains("lora_A and lora_B alone") == true)
    #expect(model.adapterNames == names)
    #expect(throws: ModelError.exists(kind: "adapter", name: "a")) { try model.averageAdapter("a", of: ["h"]) }
  }

  /// Settings of training alone may differ.
  @Test func dropoutAndInitialValuesMayDiffer() throws {
    var model = try model(["a": "lora[r=3]", "b": "lora[r=3, dropout=0.1, init_weights='bert', init_weights_seed=5]"])
    try model.averageAdapter("mean", of: ["a", "b"], setActive: true)
    #expect(model.activeAdapters == .adapter("mean"))
    expectFarOff(try values(model, "mean"), try values(model, "a"))
  }

  @Test func headsOfEqualSettingsHaveAMean() throws {
    var model = try TinyModel.load()
    for (index, name) in ["h", "k", "other"].enumerated() {
      let labels = name == "other" ? ["x", "z"] : ["x", "y"]
      try model.addHead(name, HeadSettings(.classification, labels: labels), seed: UInt64(index + 1))
    }
    try model.averageHead("mean", of: ["h", "k"], weights: [1, 3])
    func logits(_ name: String) throws -> [Float] { try #require(model(ids, heads: [name]).heads[name]).logits.array }
    func tensors(_ name: String) throws -> [[Float]] {
      try #require(model.head(name)).tensors(model.compute).map(\.values)
    }
    expectFarOff(try logits("mean"), try logits("h"), by: .op)
    for (mean, (h, k)) in zip(try tensors("mean"), zip(try tensors("h"), try tensors("k"))) {
      expectClose(mean, zip(h, k).map { 0.25 * $0 + 0.75 * $1 }, .op)
    }
    #expect(model.head("mean")?.settings.labels == ["x", "y"])
    #expect(refusal { try model.averageHead("new", of: ["h", "other"]) }?.contains("'label2id'") == true)
    #expect(refusal { try model.averageHead("h", of: ["k"]) }?.contains("already") == true)
  }
}
