import Deberta
import Model
import TestSupport
import Testing

@testable import AdapterHost

/// Plans of setups that were seen before.
@Suite struct PlanTests {
  private let batch = Batch(TinyModel.ids([5, 1, 9]))

  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    try model.addRandom("lora[attn_matrices=['q', 'k', 'v'], r=3]", named: "a", seed: 1)
    try model.addRandom("seq_bn[reduction_factor=8]", named: "b", seed: 2)
    return model
  }

  /// Where a plan's arrays lie: a plan that is made again lies elsewhere.
  private func places(_ lowered: LoweredSetup) -> [UnsafeRawPointer?] {
    func place<Element>(_ array: [Element]) -> UnsafeRawPointer? { array.withUnsafeBytes { $0.baseAddress } }
    let plan = lowered.plan
    return [place(plan.sources), place(plan.groups), place(plan.order), place(lowered.repetitions)]
      + plan.groups.map { place($0.hooks.hooks.layers) }
  }

  @Test(arguments: ["a", "Stack(a, b)", "Parallel(a, b)", "BatchSplit(b, a, batch_sizes=[1, 2])"])
  func aSetupThatWasSeenBeforeIsNotLoweredAgain(_ text: String) throws {
    var model = try model()
    let setup = Setup.composition(try Composition(text))
    func lowered() throws -> LoweredSetup { try model.bound.lowered(setup, batch, on: Pass(model.compute)) }
    let first = try lowered()
    #expect(try places(lowered()) == places(first))
    // Negative control: an adapter of other values has another plan.
    try model.deleteAdapter("a")
    try model.addRandom("lora[attn_matrices=['q', 'k', 'v'], r=3]", named: "a", seed: 3)
    #expect(try places(lowered()) != places(first))
  }

  @Test func rowsOfTheirOwnCompositionsAreKeptAsWell() throws {
    let model = try model()
    let rows = Setup.rows([.adapter("a"), nil, try Composition("Stack(a, b)")])
    func lowered() throws -> LoweredSetup { try model.bound.lowered(rows, batch, on: Pass(model.compute)) }
    #expect(try places(lowered()) == places(lowered()))
  }

  /// The lengths of rows count in every call, those of a setup that was seen before too.
  @Test func aSplitIsCheckedAgainstEveryBatch() throws {
    let model = try model()
    let setup = Setup.composition(try Composition("Split(b, b, splits=[3, 2])"))
    _ = try model(TinyModel.ids([5]), setup: setup, heads: [])
    #expect(throws: CompositionError.tokens(expected: 5, found: 6)) {
      try model(TinyModel.ids([6]), setup: setup, heads: [])
    }
  }

  /// Many setups in turn: what is forgotten is made again, with the same bits.
  @Test func moreSetupsThanAreKeptAnswerAlike() throws {
    let model = try model()
    let ids = TinyModel.ids([4])
    func values(_ weight: Double) throws -> [Float] {
      try model(ids, setup: .composition(Composition("Average(a, b, weights=[\(weight), 1])")), heads: []).values
    }
    let first = try values(0.5)
    for step in 1...300 { _ = try values(0.5 + Double(step)) }
    expectClose(try values(0.5), first, .exact)
    expectFarOff(try values(3), first)
  }
}
