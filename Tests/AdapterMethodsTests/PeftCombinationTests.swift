import AdapterHost
import AdapterMethods
import Deberta
import TestSupport
import Testing

/// Weighted combinations of LoRA and IA³, held against what PEFT made of the same folders.
@Suite struct PeftCombinationTests {
  struct Example: Sendable, CustomTestStringConvertible {
    let folder: String
    let names: [String]
    let combination: PeftCombination

    var testDescription: String { folder }

    init(
      _ folder: String, _ strategy: PeftCombination.Strategy, _ weights: [Float],
      _ change: (inout PeftCombination) -> Void = { _ in }
    ) {
      self.folder = folder
      names = Array(["a", "b", "c"].prefix(weights.count))
      var combination = PeftCombination(strategy, weights: weights)
      change(&combination)
      self.combination = combination
    }
  }

  private static let examples = [
    Example("e-weighted-linear", .linear, [0.7, 0.5, -0.3]), Example("e-weighted-cat", .cat, [0.7, 0.5, -0.3]),
    Example("e-weighted-svd", .svd, [0.7, 0.5, -0.3]) { $0.rank = 4 },
    Example("e-weighted-ties", .ties, [0.7, 0.5, 0.3]) { $0.density = 0.5 },
    Example("e-weighted-ties-frequency", .ties, [0.7, 0.5, 0.3]) {
      $0.density = 0.6
      $0.majoritySign = .frequency
    },
    Example("e-weighted-ties-svd", .tiesSVD, [0.7, 0.5, 0.3]) {
      $0.density = 0.5
      $0.rank = 3
    },
    Example("e-weighted-magnitude-prune", .magnitudePrune, [0.7, 0.5, 0.3]) { $0.density = 0.5 },
    Example("e-weighted-magnitude-prune-svd", .magnitudePruneSVD, [0.7, 0.5, 0.3]) {
      $0.density = 0.4
      $0.rank = 5
    },
    Example("e-weighted-ia3", .linear, [0.4, 0.9]),
  ]

  private let ids: [[Int32]] = [[1, 9, 30, 12, 44, 2], [1, 2], [1, 60, 5, 2]]

  private func adapters(_ folder: String, _ names: [String]) throws -> [(name: String, adapter: Adapter)] {
    let shape = try TinyModel.shape("v3-peft")
    return try names.map { name in
      (name, try SavedAdapter.read("\(Fixtures.parityCase(folder))/adapters/\(name)", for: shape).adapter)
    }
  }

  private func states(_ adapter: Adapter) throws -> [Float] {
    var model = try TinyModel.load("v3-peft")
    try model.add(adapter, named: "w")
    return try model(ids, setup: .composition(.adapter("w"))).values
  }

  @Test(arguments: examples)
  func theCombinationIsPeftsOwn(_ example: Example) throws {
    let inputs = try adapters(example.folder, example.names)
    let combined = try example.combination(inputs, for: TinyModel.shape("v3-peft"))
    let expected = try states(adapters(example.folder, ["w"])[0].adapter)
    for (_, input) in inputs { expectFarOff(try states(input), expected) }
    expectClose(try states(combined), expected, .model)
  }

  /// What is kept at random is a matter of the seed, and kept values are divided by their share.
  @Test func dareRepeatsItsSeedAndKeepsAllWithADensityOfOne() throws {
    let inputs = try adapters("e-weighted-dare-linear", ["a", "b"])
    let shape = try TinyModel.shape("v3-peft")
    func combined(_ strategy: PeftCombination.Strategy, density: Float?, seed: UInt64 = 0) throws -> [Float] {
      var combination = PeftCombination(strategy, weights: [0.7, 0.5])
      (combination.density, combination.seed) = (density, seed)
      return try states(combination(inputs, for: shape))
    }
    let dare = try combined(.dareLinear, density: 0.6, seed: 1)
    #expect(try combined(.dareLinear, density: 0.6, seed: 1) == dare)
    expectFarOff(try combined(.dareLinear, density: 0.6, seed: 2), dare)
    expectClose(try combined(.dareLinear, density: 1), try combined(.linear, density: nil), .model)
    expectFarOff(dare, try combined(.linear, density: nil))
  }

  @Test func whatCannotBeCombinedIsRefusedByName() throws {
    let shape = try TinyModel.shape()
    func refused(_ presets: [String], _ strategy: PeftCombination.Strategy, _ weights: [Float]) throws -> String {
      let adapters = try zip(["first", "second", "third"], presets).map { name, preset in
        (name: name, adapter: try Adapter.random(preset, for: shape, seed: 1))
      }
      return try #require(refusal { _ = try PeftCombination(strategy, weights: weights)(adapters, for: shape) })
    }
    #expect(try refused(["lora", "seq_bn"], .linear, [1, 1]).contains("'second' is of the method 'seq_bn'"))
    #expect(try refused(["lora", "peft_dora"], .cat, [1, 1]).contains("'second' is of the method 'dora'"))
    #expect(try refused(["lora", "lora[r=3]"], .linear, [1, 1]).contains("different ranks"))
    #expect(try refused(["lora", "lora"], .linear, [1]).contains("2 adapters but 1 weights"))
    #expect(try refused(["lora", "lora"], .ties, [1, 1]).contains("needs a density"))
    #expect(try refused(["ia3", "ia3"], .cat, [1, 1]).contains("peft-cat is for LoRA"))
  }
}
