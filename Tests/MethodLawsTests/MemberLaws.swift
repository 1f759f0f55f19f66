import AdapterHost
import AdapterMethods
import TestSupport
import Testing

/// What members of a model make of an adapter of any method: averages, layers left out or skipped, flat prefixes.
@Suite struct MemberLaws {
  @Test(arguments: MethodExample.all)
  func anAverageIsTheWeightedSumOfEveryTensor(_ example: MethodExample) throws {
    var model = try Subject(example).model
    let (a, b) = (try #require(model.adapter("a")).values, try #require(model.adapter("b")).values)
    try model.averageAdapter("same", of: ["a", "a"])
    try model.averageAdapter("mixed", of: ["a", "b"], WeightedCombination(weights: [3, -1]))
    try model.averageAdapter("raw", of: ["a", "b"], WeightedCombination(weights: [3, -1], normalizesWeights: false))
    for (id, values) in a {
      let other = try #require(b[id])
      expectClose(try #require(model.adapter("same")?.values[id]), values, .op, id)
      let mixed = zip(values, other).map { 1.5 * $0 - 0.5 * $1 }
      expectClose(try #require(model.adapter("mixed")?.values[id]), mixed, .op, id)
      expectClose(try #require(model.adapter("raw")?.values[id]), mixed.map { 2 * $0 }, .op, id)
    }
    #expect(model.adapter("mixed")?.method.settings == model.adapter("a")?.method.settings)
  }

  /// Layers that are left out when an adapter is loaded are those that a call skips; what changes the embeddings stays.
  @Test(arguments: MethodExample.all.filter { !$0.preset.hasPrefix("prompt_tuning") && $0.preset != "output_shift" })
  func anAdapterWithoutLayersIsTheAdapterWhereTheyAreSkipped(_ example: MethodExample) throws {
    let subject = try Subject(example)
    var model = subject.model
    let full = try subject.values("a")
    try model.setActiveAdapters(.adapter("a"), skippingLayers: [1, 2])
    let skipped = try model(Subject.ids).values
    expectFarOff(skipped, full)
    try model.setActiveAdapters(.adapter("a"))
    expectClose(try model(Subject.ids).values, full, .exact)

    let folder = try TemporaryFolder()
    try model.saveAdapter("a", to: folder.path("a"))
    try model.loadAdapter(folder.path("a"), as: "left", leaveOut: [1, 2])
    let left = try model(Subject.ids, setup: .composition(.adapter("left"))).values
    expectClose(left, skipped, .exact)
    // The settings say it, so that the saved adapter is the same.
    try model.saveAdapter("left", to: folder.path("left"))
    try model.loadAdapter(folder.path("left"), as: "again")
    expectClose(try model(Subject.ids, setup: .composition(.adapter("again"))).values, left, .exact)
  }

  @Test(arguments: MethodExample.all.filter { $0.preset.hasPrefix("prefix_tuning[") })
  func anEjectedPrefixActsAsBeforeAndIsReadBack(_ example: MethodExample) throws {
    let subject = try Subject(example)
    var model = subject.model
    let own = try subject.values("a")
    let count = try #require(model.adapter("a")).parameters.count
    try model.ejectPrefixTuning("a")
    #expect(try #require(model.adapter("a")).parameters.count != count)
    #expect(throws: EjectionError.isFlat) { try model.ejectPrefixTuning("a") }
    expectClose(try model(Subject.ids, setup: .composition(.adapter("a"))).values, own, .model)
    let folder = try TemporaryFolder()
    try model.saveAdapter("a", to: folder.path("a"))
    var fresh = try TinyModel.load(catalog: MethodExample.catalog)
    try fresh.loadAdapter(folder.path("a"))
    expectClose(
      try fresh(Subject.ids, setup: .composition(.adapter("a"))).values,
      try model(Subject.ids, setup: .composition(.adapter("a"))).values, .exact)
  }

  @Test(arguments: MethodExample.all.filter { !$0.preset.contains("prefix_tuning[") })
  func onlyAPrefixCanBeEjected(_ example: MethodExample) throws {
    var model = try Subject(example).model
    #expect(throws: EjectionError.self) { try model.ejectPrefixTuning("a") }
  }
}
