import AdapterHost
import AdapterMethods
import Deberta
import TestSupport
import Testing

/// What one adapter does to a model, for every method.
@Suite struct EffectLaws {
  @Test(
    arguments: MethodExample.pairs(MethodExample.all, ["v3", "noshare", "v2conv", "norel", "p2c", "abs", "deberta-v1"]))
  func anAdapterChangesWhatTheModelSays(_ example: MethodExample, _ base: String) throws {
    let subject = try Subject(example, base: base)
    let plain = try subject.textValues(nil)
    let adapted = try subject.textValues("a")
    #expect(adapted.allSatisfy { $0.isFinite })
    expectFarOff(adapted, plain)
    expectFarOff(try subject.textValues("b"), adapted)
  }

  @Test(arguments: MethodExample.all.filter { !$0.suits("v2conv") })
  func whatAnEncoderCannotHaveIsRefused(_ example: MethodExample) throws {
    let error = try #require(throws: ConfigurationError.self) { _ = try Subject(example, base: "v2conv") }
    #expect(error.description.contains("convolution"))
  }

  @Test(arguments: MethodExample.all)
  func aTextIsLongerByItsPromptAlone(_ example: MethodExample) throws {
    let output = try Subject(example).output("a")
    for (row, ids) in Subject.ids.enumerated() {
      #expect(output.hiddenStates(row: row).rows == ids.count + example.promptLength)
    }
  }

  @Test(arguments: MethodExample.all)
  func aModelWithoutAnActiveAdapterIsTheBase(_ example: MethodExample) throws {
    let subject = try Subject(example)
    expectClose(try subject.values(nil), try TinyModel.load()(Subject.ids).values, .exact)
  }

  @Test(arguments: [
    "lora", "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=5, alpha=3]",
    "lora[attn_matrices=['q', 'k'], use_gating=True]", "par_bn", "scaled_par_bn[mh_adapter=True]",
    "seq_bn[init_weights='mam_adapter']", "double_seq_bn[init_weights='mam_adapter', scaling='channel']",
  ])
  func aFreshAdapterThatStartsAtZeroIsTheBase(_ preset: String) throws {
    var model = try TinyModel.load()
    let plain = try model(Subject.ids).values
    try model.addAdapter("fresh", configuration: preset, seed: 3)
    try model.addRandom(preset, named: "trained", seed: 3)
    expectFarOff(try model(Subject.ids, setup: .composition(.adapter("trained"))).values, plain)
    expectClose(try model(Subject.ids, setup: .composition(.adapter("fresh"))).values, plain, .exact)
  }

  /// Presets whose up-projection starts small, but not at 0.
  @Test(arguments: ["seq_bn", "double_seq_bn", "lora[init_weights='bert', alpha=64]"])
  func aFreshAdapterOfOtherInitialisersIsNearTheBaseButNotIt(_ preset: String) throws {
    var model = try TinyModel.load()
    let plain = try model(Subject.ids).values
    try model.addAdapter("fresh", configuration: preset, seed: 3)
    let fresh = try model(Subject.ids, setup: .composition(.adapter("fresh"))).values
    #expect(fresh != plain)
    try model.addRandom(preset, named: "trained", seed: 3)
    let trained = try model(Subject.ids, setup: .composition(.adapter("trained"))).values
    #expect(distance(fresh, plain) < distance(trained, plain))
  }

  @Test(arguments: MethodExample.all)
  func equalCallsGiveEqualBits(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let first = try subject.values("a")
    _ = try subject.values("b")
    expectClose(try subject.values("a"), first, .exact)
    let again = try Subject(example)
    expectClose(try again.values("a"), first, .exact)
  }

  @Test(arguments: MethodExample.all)
  func theNumberOfThreadsChangesNoBit(_ example: MethodExample) throws {
    let adapter = try Adapter.random(example.preset, for: TinyModel.shape(), seed: 11, catalog: MethodExample.catalog)
    let outputs = try [1, 2, 3].map { threads in
      var model = try TinyModel.load("v3", Compute(threads: threads), catalog: MethodExample.catalog)
      try model.add(adapter, named: "a")
      return try model(Subject.ids, setup: .composition(.adapter("a"))).values
    }
    expectClose(outputs[1], outputs[0], .exact)
    expectClose(outputs[2], outputs[0], .exact)
  }

  /// The mean distance of two results.
  private func distance(_ a: [Float], _ b: [Float]) -> Float {
    zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(a.count)
  }
}
