import AdapterHost
import Foundation
import Heads
import Kernels
import TestSupport
import Testing

@Suite struct AdapterAPITests {
  private let ids = TinyModel.ids([7, 3, 12])

  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    try model.addRandom("seq_bn", named: "tag", seed: 1)
    try model.addRandom("lora[r=3]", named: "tag2", seed: 2)
    try model.addRandom("lora[use_gating=True]", named: "gated", seed: 3)
    return model
  }

  @Test func aFreshModelIsTheBase() throws {
    let model = try TinyModel.load()
    #expect(model.name == "v3")
    #expect(model.adapterNames.isEmpty && model.headNames.isEmpty)
    #expect(model.activeAdapters == nil && model.activeHeads == nil && model.mergedAdapter == nil)
    let output = try model(ids)
    #expect(output.rowCount == 3 && output.answers.isEmpty)
  }

  @Test func adaptersAreListedByTheirNames() throws {
    let model = try model()
    #expect(model.adapterNames == ["gated", "tag", "tag2"])
    #expect(model.adapter("tag")?.parameters.count == 3 * (2 * 48 * 3 + 3 + 48))
    #expect(model.adapter("ta") == nil)
  }

  @Test func anAdapterOfATakenNameIsRefusedUnlessItMayReplaceTheOther() throws {
    var model = try model()
    let before = try model(ids, setup: .composition(.adapter("tag"))).values
    let folder = try TemporaryFolder()
    let path = try Adapter.random("seq_bn", for: model.configuration, seed: 9).save(
      "tag", for: model.configuration, in: folder)
    let exists = ModelError.exists(kind: "adapter", name: "tag")
    #expect(throws: exists) { try model.addAdapter("tag") }
    #expect(throws: exists) { try model.loadAdapter(path) }
    expectClose(try model(ids, setup: .composition(.adapter("tag"))).values, before, .exact)
    #expect(try model.loadAdapter(path, overwrite: true) == "tag")
    expectFarOff(try model(ids, setup: .composition(.adapter("tag"))).values, before)
    try model.addAdapter("tag", configuration: "lora", overwrite: true)
    expectClose(try model(ids, setup: .composition(.adapter("tag"))).values, try model(ids).values, .exact)
  }

  @Test func anAdapterMayBeLoadedUnderAnotherName() throws {
    var model = try model()
    let folder = try TemporaryFolder()
    try model.saveAdapter("tag", to: folder.path("saved"))
    #expect(try model.loadAdapter(folder.path("saved"), as: "other") == "other")
    expectClose(
      try model(ids, setup: .composition(.adapter("other"))).values,
      try model(ids, setup: .composition(.adapter("tag"))).values, .exact)
    try model.saveAdapter("other", to: folder.path("again"))
    var fresh = try TinyModel.load()
    #expect(try fresh.loadAdapter(folder.path("again")) == "other")
  }

  /// Copies of a model share weights and nothing else.
  @Test func aCopyIsChangedAlone() throws {
    let model = try model()
    var copy = model
    try copy.deleteAdapter("tag")
    try copy.addAdapter("new")
    try copy.setActiveAdapters(.adapter("new"))
    try copy.addHead("new", HeadSettings(.tagging, labels: ["x"]))
    #expect(copy.adapterNames == ["gated", "new", "tag2"])
    #expect(model.adapterNames == ["gated", "tag", "tag2"] && model.activeAdapters == nil && model.headNames.isEmpty)
  }

  @Test func activeAdaptersActWhereACallNamesNone() throws {
    var model = try model()
    let base = try model(ids).values
    let tag = try model(ids, setup: .composition(.adapter("tag"))).values
    try model.setActiveAdapters(.adapter("tag"))
    expectFarOff(try model(ids).values, base)
    expectClose(try model(ids).values, tag, .exact)
    // A call's own setup counts, the base included, and leaves no trace.
    expectClose(try model(ids, setup: .composition(nil)).values, base, .exact)
    expectClose(
      try model(ids, setup: .composition(.adapter("tag2"))).values,
      try self.model()(ids, setup: .composition(.adapter("tag2"))).values, .exact)
    expectClose(try model(ids).values, tag, .exact)
    try model.setActiveAdapters(nil)
    expectClose(try model(ids).values, base, .exact)
  }

  @Test func deletingAnAdapterThatActsLeavesTheBase() throws {
    var model = try model()
    let base = try model(ids).values
    try model.setActiveAdapters(try Composition("Stack(tag2, tag)"))
    try model.deleteAdapter("gated")
    #expect(model.activeAdapters != nil)
    try model.deleteAdapter("tag")
    #expect(model.activeAdapters == nil && model.adapterNames == ["tag2"])
    expectClose(try model(ids).values, base, .exact)
  }

  @Test func anUnknownNameIsAnsweredWithTheNearestOnes() throws {
    var model = try model()
    let folder = try TemporaryFolder()
    let error = CompositionError.unknownAdapter(name: "gatet", nearest: ["gated"])
    #expect(throws: error) { try model.setActiveAdapters(.adapter("gatet")) }
    #expect(throws: error) { try model.setActiveAdapters(.stack([.adapter("tag"), .adapter("gatet")])) }
    #expect(throws: error) { try model.mergeAdapter("gatet") }
    #expect(throws: error) { try model.deleteAdapter("gatet") }
    #expect(throws: error) { try model.saveAdapter("gatet", to: folder.path("x")) }
    #expect(throws: error) { _ = try model(ids, setup: .composition(.adapter("gatet"))) }
    #expect(error.description.contains("did you mean 'gated'?"))
    #expect(!FileManager.default.fileExists(atPath: folder.path("x")))
    #expect(model.activeAdapters == nil)
  }

  @Test func oneAdapterIsMergedAtATime() throws {
    var model = try model()
    try model.addRandom("lora", named: "lora", seed: 4)
    let base = try model(ids).values
    try model.mergeAdapter("tag2")
    let merged = try model(ids).values
    expectFarOff(merged, base)
    #expect(throws: ModelError.merged(other: "tag2", name: "lora")) { try model.mergeAdapter("lora") }
    try model.mergeAdapter("tag2")
    expectClose(try model(ids).values, merged, .exact)
    #expect(throws: ModelError.notMergeable(name: "gated")) {
      model.resetAdapter()
      try model.mergeAdapter("gated")
    }
    #expect(throws: ModelError.notMergeable(name: "tag")) { try model.mergeAdapter("tag") }
    expectClose(try model(ids).values, base, .exact)
  }

  @Test func activatingOrDeletingResetsWhatIsMerged() throws {
    var model = try model()
    let base = try model(ids).values
    try model.mergeAdapter("tag2")
    try model.setActiveAdapters(nil)
    #expect(model.mergedAdapter == nil)
    expectClose(try model(ids).values, base, .exact)
    try model.mergeAdapter("tag2")
    try model.deleteAdapter("tag2")
    #expect(model.mergedAdapter == nil)
    expectClose(try model(ids).values, base, .exact)
    model.resetAdapter()
    expectClose(try model(ids).values, base, .exact)
  }

  @Test func anUnknownConfigurationIsRefusedAndAddsNothing() throws {
    var model = try model()
    #expect(throws: ConfigurationError.self) { try model.addAdapter("new", configuration: "seq_bm") }
    #expect(throws: ConfigurationError.self) { try model.addAdapter("tag", configuration: "seq_bm", overwrite: true) }
    #expect(model.adapterNames == ["gated", "tag", "tag2"])
  }

  /// A pass borrows what the pass before it gave back.
  @Test(arguments: [nil, "tag", "tag2", "gated", "Parallel(tag, tag2)", "Average(tag2, gated)"])
  func aSecondEqualPassAsksForNoMemory(_ setup: String?) throws {
    let compute = Compute(threads: 1)
    var model = try TinyModel.load("v3", compute)
    try model.addRandom("seq_bn", named: "tag", seed: 1)
    try model.addRandom("lora[r=3]", named: "tag2", seed: 2)
    try model.addRandom("lora[use_gating=True]", named: "gated", seed: 3)
    let composition = try setup.map { try Composition($0) }
    func pass() throws { _ = try model(ids, setup: .composition(composition)) }
    let before = compute.buffers.allocations
    try pass()
    let first = compute.buffers.allocations
    #expect(first > before)
    try pass()
    try pass()
    #expect(compute.buffers.allocations == first)
  }
}
