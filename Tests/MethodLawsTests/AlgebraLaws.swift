import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Tensors
import TestSupport
import Testing

/// What blocks of composition make of one adapter, and of its multiples.
@Suite struct AlgebraLaws {
  @Test(arguments: MethodExample.all)
  func aStackOfOneIsTheAdapter(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let own = try subject.values("a")
    expectFarOff(try subject.values("b"), own)
    expectClose(try subject.values("Stack(a)"), own, .exact)
    expectClose(try subject.values("Stack(Stack(a))"), own, .exact)
    expectClose(try subject.values("Parallel(a)"), own, .exact)
    expectClose(try subject.values("BatchSplit(a, batch_sizes=[4])"), own, .exact)
  }

  @Test(arguments: MethodExample.all.filter { $0.stacked == .chains })
  func everyAdapterOfAStackActsAndTheirOrderMatters(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let stack = try subject.values("Stack(a, b)")
    // Where the second hardly changes what the first made, the order makes a small difference; rounding is smaller.
    expectFarOff(stack, try subject.values("Stack(b, a)"), by: .op)
    expectFarOff(stack, try subject.values("b"))
    expectFarOff(stack, try subject.values("a"))
  }

  @Test(arguments: MethodExample.all.filter { $0.stacked == .commutes })
  func everyAdapterOfAStackActsInAnyOrder(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let stack = try subject.values("Stack(a, b)")
    expectFarOff(stack, try subject.values("b"))
    expectFarOff(stack, try subject.values("a"))
    expectClose(stack, try subject.values("Stack(b, a)"), .model)
  }

  @Test(arguments: MethodExample.all.filter { $0.stacked == .lastCounts })
  func ofParallelBottlenecksInAStackTheLastOneCounts(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let last = try subject.values("b")
    expectFarOff(try subject.values("Stack(b, a)"), last)
    expectClose(try subject.values("Stack(a, b)"), last, .exact)
  }

  /// Products that do not fit, and several prompts.
  @Test(arguments: MethodExample.all.filter { $0.refusal != nil })
  func aStackThatCannotBeIsRefusedByNames(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let error = try #require(throws: CompositionError.self) { try subject.values("Stack(a, b)") }
    #expect(error == example.refusal)
    #expect(throws: error) { try subject.values("Parallel(Stack(a, b), a)") }
    #expect(throws: error) { try subject.values("BatchSplit(a, Stack(a, b), batch_sizes=[2, 2])") }
  }

  @Test(arguments: MethodExample.all.filter { !$0.averages })
  func whatHasNoMeanIsRefused(_ example: MethodExample) throws {
    let subject = try Subject(example)
    // Keys in front stand one after the other in a Sum, as in a Stack; of prompts there is one.
    let sums = example.promptLength > 0 ? ["Sum(a, b)"] : []
    for setup in ["Average(a, b)", "Parallel(a, Average(b, a))"] + sums {
      let error = #expect(throws: CompositionError.self) { try subject.values(setup) }
      guard case .unsupported = error else {
        Issue.record("\(setup) is refused by another error: \(String(describing: error))")
        continue
      }
    }
  }

  @Test(arguments: MethodExample.all.filter(\.averages))
  func theAverageOfAnAdapterAndItselfIsTheAdapter(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let own = try subject.values("a")
    expectFarOff(try subject.values("Average(a, b)"), own)
    for setup in [
      "Average(a)", "Average(a, a)", "Average(a, a, a, weights=[1, 2, 5])", "Average(a, b, weights=[3, 0])",
      "Average(Average(a, a), a)", "Sum(a)",
    ] {
      expectClose(try subject.values(setup), own, .model, setup)
    }
  }

  @Test(arguments: MethodExample.all.filter(\.averages))
  func theWeightsOfAnAverageCountByTheirShares(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let shares = try subject.values("Average(a, b, weights=[0.25, 0.75])")
    expectFarOff(try subject.values("Average(a, b, weights=[0.75, 0.25])"), shares)
    expectClose(try subject.values("Average(a, b, weights=[2, 6])"), shares, .model)
    expectClose(try subject.values("Average(b, a, weights=[3, 1])"), shares, .model)
  }

  /// alpha = 2 · alpha, alpha / 4: the delta of a LoRA is proportional to alpha.
  @Test func theSumOfALoRAAndItselfIsItsDouble() throws {
    let preset = "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=5, alpha="
    try expectMultiples(once: preset + "12]", twice: preset + "24]", quarter: preset + "3]")
  }

  /// Each adapts the states that the earlier ones left.
  @Test(arguments: ["seq_bn", "double_seq_bn", "noreft[r=2]", "loreft[r=2]", "seq_bn_inv", "prefix_tuning_flat"])
  func theSumOfAdaptersOfStatesIsTheirStack(_ preset: String) throws {
    let subject = try Subject(MethodExample(preset: preset))
    let sum = try subject.values("Sum(a, b)")
    expectFarOff(sum, try subject.values("b"))
    expectClose(sum, try subject.values("Stack(a, b)"), .model)
  }

  /// A parallel bottleneck reads the sub-block's input: what several add is added.
  @Test func parallelBottlenecksInASumAllCount() throws {
    let subject = try Subject(MethodExample(preset: "par_bn"))
    let sum = try subject.values("Sum(a, b)")
    expectFarOff(sum, try subject.values("Stack(a, b)"))
    expectClose(sum, try subject.values("Sum(b, a)"), .model)
  }

  /// A parallel bottleneck adds scaling · up(act(down(x))) to the hidden states.
  @Test(arguments: ["par_bn", "par_bn[mh_adapter=True, reduction_factor=16]"])
  func theSumOfABottleneckAndItselfIsItsDouble(_ preset: String) throws {
    let open = preset.hasSuffix("]") ? preset.dropLast() + ", scaling=" : preset + "[scaling="
    try expectMultiples(once: open + "2.0]", twice: open + "4.0]", quarter: open + "0.5]")
  }

  /// Adapters of the same values, and one that adds nothing.
  private func expectMultiples(once: String, twice: String, quarter: String) throws {
    var model = try TinyModel.load()
    let shape = model.configuration
    let a = try Adapter.random(once, for: shape, seed: 11)
    for (name, preset) in [("a", once), ("a2", twice), ("a4", quarter)] {
      let method = try MethodCatalog.standard.method(preset: preset)
      try model.add(Adapter(method: method, parameters: a.parameters), named: name)
    }
    try model.add(Adapter(method: a.method, parameters: zeroed(a.parameters)), named: "none")
    let subject = Copy(model: model)
    expectFarOff(try subject.values("a"), try subject.values("a2"))
    expectClose(try subject.values("none"), try subject.values(nil), .exact)
    expectClose(try subject.values("Sum(a, none)"), try subject.values("a"), .model)
    expectClose(try subject.values("Sum(a, a)"), try subject.values("a2"), .model)
    expectClose(try subject.values("Average(a, none, weights=[1, 3])"), try subject.values("a4"), .model)
  }

  private struct Copy {
    let model: DebertaV2AdapterModel
    func values(_ setup: String?) throws -> [Float] {
      try model(Subject.ids, setup: .composition(setup.map { try Composition($0) })).values
    }
  }

  private func zeroed(_ parameters: AdapterParameters) -> AdapterParameters {
    AdapterParameters(
      parameters.specs,
      Dictionary(
        uniqueKeysWithValues: parameters.specs.map { spec in
          let own = parameters[spec]
          return (spec.id, Tensor(own.array.map { _ in 0 }, rows: own.rows, columns: own.columns))
        }))
  }

  /// The factors of the sum stand side by side: B = [B₁ B₂], A = [A₁; A₂].
  @Test func theSumOfTwoLoRAsIsOneOfTheirRanksTogether() throws {
    let preset = "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, "
    var model = try TinyModel.load()
    let shape = model.configuration
    let a = try Adapter.random(preset + "r=2, alpha=4]", for: shape, seed: 1)
    let b = try Adapter.random(preset + "r=3, alpha=6]", for: shape, seed: 2)
    let method = try MethodCatalog.standard.method(preset: preset + "r=5, alpha=10]")
    let specs = try method.parameters(for: shape)
    let tensors = zip(specs, zip(a.parameters.specs, b.parameters.specs)).map { spec, parts -> (String, Tensor) in
      let (first, second) = (a.parameters[parts.0], b.parameters[parts.1])
      var values: [Float] = []
      if spec.member == "lora_A" {
        values = first.array + second.array
      } else {
        for row in 0..<first.rows { values += first.rows(row..<row + 1).array + second.rows(row..<row + 1).array }
      }
      return (spec.id, Tensor(values, rows: spec.shape[0], columns: spec.shape[1]))
    }
    let both = Adapter(method: method, parameters: AdapterParameters(specs, Dictionary(uniqueKeysWithValues: tensors)))
    try model.add(a, named: "a")
    try model.add(b, named: "b")
    try model.add(both, named: "both")
    let subject = Copy(model: model)
    let together = try subject.values("both")
    expectFarOff(try subject.values("a"), together)
    expectFarOff(try subject.values("b"), together)
    expectClose(try subject.values("Sum(a, b)"), together, .model)
  }
}
