import AdapterHost
import AdapterMethods
import TestSupport
import Testing

/// A merged adapter is the adapter, and goes without a trace.
@Suite struct MergeLaws {
  @Test(
    arguments: MethodExample.pairs(
      MethodExample.mergeable, ["v3", "noshare", "v2conv", "norel", "p2c", "abs", "deberta-v1"]))
  func mergedEqualsApplied(_ example: MethodExample, _ base: String) throws {
    let subject = try Subject(example, base: base)
    let applied = try subject.values("a")
    expectFarOff(applied, try subject.values(nil))
    var merged = subject
    try merged.model.mergeAdapter("a")
    #expect(merged.model.mergedAdapter == "a")
    expectClose(try merged.values(nil), applied, .model)
  }

  @Test(arguments: MethodExample.mergeable)
  func resetRestoresTheVeryBitsEvenAfterAHundredCycles(_ example: MethodExample) throws {
    var subject = try Subject(example)
    let plain = try subject.values(nil)
    let (a, b) = (try subject.values("a"), try subject.values("b"))
    for cycle in 0..<100 {
      try subject.model.mergeAdapter(cycle % 2 == 0 ? "a" : "b")
      if cycle == 0 { expectFarOff(try subject.values(nil), plain) }
      subject.model.resetAdapter()
    }
    #expect(subject.model.mergedAdapter == nil)
    expectClose(try subject.values(nil), plain, .exact)
    expectClose(try subject.values("a"), a, .exact)
    expectClose(try subject.values("b"), b, .exact)
  }

  @Test(arguments: MethodExample.mergeable)
  func mergingChangesOneCopyOfTheModelAlone(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let plain = try subject.values(nil)
    var copy = subject
    try copy.model.mergeAdapter("a")
    expectFarOff(try copy.values(nil), plain)
    expectClose(try subject.values(nil), plain, .exact)
    #expect(subject.model.mergedAdapter == nil)
  }

  @Test(arguments: MethodExample.mergeable.filter { $0.merged != .readsWeights })
  func anotherAdapterActsOnTopOfAMergedOne(_ example: MethodExample) throws {
    var subject = try Subject(example)
    let both = try subject.values(example.merged == .stack ? "Stack(a, b)" : "Sum(a, b)")
    expectFarOff(both, try subject.values("b"))
    try subject.model.mergeAdapter("a")
    expectClose(try subject.values("b"), both, .model)
  }

  @Test(arguments: MethodExample.mergeable)
  func aMergedAdapterThatIsAlsoNamedInASetupIsRefused(_ example: MethodExample) throws {
    var subject = try Subject(example)
    try subject.model.mergeAdapter("a")
    for setup in ["a", "Sum(b, a)", "Parallel(b, a)"] {
      #expect(throws: ModelError.mergedAndActive(name: "a")) { try subject.values(setup) }
    }
    #expect(throws: ModelError.mergedAndActive(name: "a")) {
      _ = try subject.model(Subject.ids, setup: .rows([nil, .adapter("b"), .adapter("a"), nil]))
    }
  }

  @Test(arguments: MethodExample.all.filter { !$0.canMerge })
  func whatDependsOnTheTextCannotBeMerged(_ example: MethodExample) throws {
    var subject = try Subject(example)
    let before = try subject.values("a")
    #expect(throws: ModelError.notMergeable(name: "a")) { try subject.model.mergeAdapter("a") }
    #expect(subject.model.mergedAdapter == nil)
    expectClose(try subject.values("a"), before, .exact)
  }
}
