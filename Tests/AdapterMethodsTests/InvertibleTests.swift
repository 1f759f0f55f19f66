import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Tensors
import TestSupport
import Testing

@Suite struct InvertibleTests {
  private let encoder: Encoder
  private let pass = Pass(TinyModel.compute)

  init() throws {
    let folder = try CheckpointFolder(path: Fixtures.base("v3"))
    let shape = try DebertaV2Configuration(json: folder.configuration, file: "config.json")
    let ledger = WeightLedger(folder.weights) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : $0 }
    encoder = try Encoder(WeightReader(ledger, TinyModel.compute), shape)
  }

  /// A plan for one row.
  private func plan(_ setup: String) throws -> AdapterPlan {
    let presets = [("a", "seq_bn_inv"), ("b", "double_seq_bn_inv"), ("plain", "seq_bn"), ("lora", "lora[r=2]")]
    var bound: [String: BoundAdapter] = [:]
    for (index, (name, preset)) in presets.enumerated() {
      let adapter = try Adapter.random(preset, for: encoder.configuration, seed: UInt64(index + 1))
      bound[name] = try BoundAdapter(adapter, named: name, in: encoder, on: pass)
    }
    return try Lowering(encoder, adapters: bound)(.composition(Composition(setup)), lengths: [7], on: pass).plan
  }

  private func states(_ seed: UInt64 = 5) -> Tensor {
    var random = RandomNumbers(seed: seed)
    return Tensor((0..<7 * 48).map { _ in random.normal() }, rows: 7, columns: 48)
  }

  private let site = Site(layer: -1, segment: Segment(sequences: 0..<1, rows: [0..<7]))

  /// What a setup does to states, and what is left of that once it is undone.
  private func roundTrip(_ setup: String) throws -> (changed: [Float], undone: [Float]) {
    let plan = try plan(setup)
    let x = states()
    let hook = try #require(plan.groups[0].hooks.hooks.afterEmbeddings)
    hook.edit(x, at: site, on: pass)
    let changed = x.array
    let inverses = try #require(plan.embeddingInverses())
    try #require(inverses[0]).edit(x, at: site, on: pass)
    return (changed, x.array)
  }

  @Test(arguments: ["a", "b", "Stack(a, b)", "Stack(b, plain, a)", "Stack(lora, a)"])
  func whatTheInverseUndoesIsWhatTheAdapterDid(_ setup: String) throws {
    let (changed, undone) = try roundTrip(setup)
    expectFarOff(changed, states().array)
    expectClose(undone, states().array, .model)
  }

  /// b - G(a), then a - F(b): the coupling's steps in reverse.
  @Test func theOrderOfInversesMatters() throws {
    let x = states()
    let plans = try (plan("Stack(a, b)"), plan("Stack(b, a)"))
    try #require(plans.0.groups[0].hooks.hooks.afterEmbeddings).edit(x, at: site, on: pass)
    let inverses = try #require(plans.1.embeddingInverses())
    try #require(inverses[0]).edit(x, at: site, on: pass)
    expectFarOff(x.array, states().array)
  }

  @Test func nothingIsUndoneWhereNothingWasChanged() throws {
    let inverses = try #require(try plan("Stack(plain, lora)").embeddingInverses())
    #expect(inverses.count == 1 && inverses[0] == nil)
  }

  @Test func aWeightedSumHasNoInverse() throws {
    let plan = try plan("Average(a, b)")
    #expect(plan.changesEmbeddings && plan.embeddingInverses() == nil)
  }
}
