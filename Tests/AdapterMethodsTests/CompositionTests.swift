import AdapterHost
import AdapterMethods
import TestSupport
import Testing

@Suite struct CompositionTests {
  private static let (a, b, c) = (Composition.adapter("a"), Composition.adapter("b"), Composition.adapter("c"))

  private static let texts: [(String, Composition)] = [
    ("a", a), ("debian-section", .adapter("debian-section")), ("Stack", .adapter("Stack")),
    ("Stack(a)", .stack([a])), ("Stack(a, b)", .stack([a, b])), ("Parallel(a, b, c)", .parallel([a, b, c])),
    ("BatchSplit(a, b, batch_sizes=[2, 3])", .batchSplit([a, b], sizes: [2, 3])),
    ("Average(a, b)", .average([a, b], weights: nil)),
    ("Average(a, b, weights=[0.25, 0.75])", .average([a, b], weights: [0.25, 0.75])),
    ("Sum(a, b)", .sum([a, b])), ("Stack(a, Parallel(b, c))", .stack([a, .parallel([b, c])])),
    ("Parallel(Stack(a, b), c)", .parallel([.stack([a, b]), c])),
    (
      "BatchSplit(Stack(a, b), BatchSplit(a, c, batch_sizes=[1, 1]), batch_sizes=[3, 2])",
      .batchSplit([.stack([a, b]), .batchSplit([a, c], sizes: [1, 1])], sizes: [3, 2])
    ),
    ("Average(Stack(a, b), Sum(b, c))", .average([.stack([a, b]), .sum([b, c])], weights: nil)),
  ]

  @Test func aTextIsReadAsItsComposition() throws {
    for (text, composition) in Self.texts { #expect(try Composition(text) == composition) }
  }

  @Test func aCompositionIsWrittenAsTheTextThatItIsReadFrom() {
    for (text, composition) in Self.texts { #expect(composition.description == text) }
  }

  @Test(arguments: [
    "  Stack ( a ,b )", "Stack(a,b)", "Stack(\n  a,\n  b\n)", "Stack(a,\tb)  ",
  ])
  func spaceDoesNotCount(_ text: String) throws {
    #expect(try Composition(text) == .stack([Self.a, Self.b]))
  }

  /// As in the reference, where a number is repeated for each child.
  @Test func oneBatchSizeCountsForEveryChild() throws {
    let expected = Composition.batchSplit([Self.a, Self.b], sizes: [2, 2])
    #expect(try Composition("BatchSplit(a, b, batch_sizes=2)") == expected)
    #expect(try Composition("BatchSplit(a, b, batch_sizes=[2])") == expected)
  }

  @Test func compositionsThatDifferInAnythingAreDifferent() throws {
    let texts = [
      "a", "Stack(a)", "Stack(a, b)", "Stack(b, a)", "Stack(a, b, b)", "Parallel(a, b)", "Sum(a, b)", "Average(a, b)",
      "Average(a, b, weights=[1, 2])", "Average(a, b, weights=[2, 1])", "BatchSplit(a, b, batch_sizes=[1, 3])",
      "BatchSplit(a, b, batch_sizes=[3, 1])",
    ]
    #expect(try Set(texts.map { try Composition($0) }).count == texts.count)
  }

  @Test func adaptersAreListedInTheOrderOfTheTextAndOnce() throws {
    let composition = try Composition("Stack(c, Parallel(a, Stack(c, b)), a)")
    #expect(composition.adapters == ["c", "a", "b"])
    #expect(composition.last == "a")
    #expect(try Composition("Parallel(a, Stack(c, b))").last == "b")
    #expect(composition.renamed { $0 + "2" }.description == "Stack(c2, Parallel(a2, Stack(c2, b2)), a2)")
    #expect(composition.children.count == 3 && Self.a.children.isEmpty)
  }

  @Test(arguments: [
    ("", 1), ("Stack(", 7), ("Stack(a", 8), ("Stack(a, )", 10), ("Stack(a))", 9), ("a b", 3), ("(a)", 1),
    ("Stack(a b)", 9),
    ("Average(a, weights=[1,x])", 23), ("Average(a, weights=[1", 22), ("Average(a, weights=[nan])", 21),
  ])
  func aTextThatCannotBeReadIsRefusedAtItsPlace(_ text: String, _ place: Int) throws {
    let error = try #require(throws: CompositionError.self) { try Composition(text) }
    guard case .syntax(let found, let position, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(found == text && position + 1 == place, "\(error)")
  }

  @Test func whatABlockCannotBeIsRefused() {
    func error(_ text: String) -> CompositionError? { #expect(throws: CompositionError.self) { try Composition(text) } }
    #expect(error("Stak(a, b)") == .unknownBlock(name: "Stak"))
    #expect(error("Stack()") == .empty(block: "Stack"))
    #expect(error("Parallel(a, Stack())") == .empty(block: "Stack"))
    #expect(
      error("BatchSplit(a, b, batch_sizes=[1, 2, 3])")
        == .sizes(block: "BatchSplit", argument: "batch_sizes", found: 3, children: 2))
    #expect(error("BatchSplit(a, b)") == .sizes(block: "BatchSplit", argument: "batch_sizes", found: 0, children: 2))
    #expect(
      error("Average(a, b, weights=[1])") == .sizes(block: "Average", argument: "weights", found: 1, children: 2))
    #expect(error("Average(a, b, weights=[1, -1])") == .weights([1, -1]))
    guard case .syntax? = error("Stack(a, weights=[1])") else {
      Issue.record("a Stack with weights")
      return
    }
  }

  /// The reference's table of nestings, with `Sum` beside `Average`.
  @Test func blocksStandOnlyWhereTheReferenceLetsThem() throws {
    let refused = ["Parallel": ["Parallel"], "BatchSplit": ["Parallel"], "Average": ["Parallel"], "Sum": ["Parallel"]]
    let blocks = ["Stack", "Parallel", "BatchSplit", "Average", "Sum"]
    func text(_ block: String, _ children: String) -> String {
      block == "BatchSplit" ? "BatchSplit(\(children), batch_sizes=[1, 1])" : "\(block)(\(children))"
    }
    for outer in blocks {
      for inner in blocks {
        let whole = text(outer, "a, " + text(inner, "b, c"))
        if refused[outer, default: []].contains(inner) {
          #expect(throws: CompositionError.nesting(outer: outer, inner: inner)) { try Composition(whole) }
        } else {
          #expect(try Composition(whole).description == whole)
        }
      }
    }
  }
}

/// What a composition cannot be for a model and a batch.
@Suite struct LoweringTests {
  private func subject() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    for (index, name) in ["sst", "sst2", "mnli"].enumerated() {
      try model.addRandom(index == 2 ? "lora" : "seq_bn", named: name, seed: UInt64(index))
    }
    return model
  }

  private let ids = TinyModel.ids([5, 3, 8, 2])

  private func error(_ setup: String) throws -> CompositionError? {
    let model = try subject()
    return #expect(throws: CompositionError.self) { _ = try model(ids, setup: .composition(Composition(setup))) }
  }

  @Test func anUnknownNameIsRefusedWithTheNearestOnes() throws {
    #expect(try error("mnle") == .unknownAdapter(name: "mnle", nearest: ["mnli"]))
    #expect(try error("Stack(sst, Parallel(mnli, mnl))") == .unknownAdapter(name: "mnl", nearest: ["mnli"]))
    #expect(try error("something-else-entirely") == .unknownAdapter(name: "something-else-entirely", nearest: []))
  }

  @Test func batchSizesMustSumToTheRows() throws {
    #expect(try error("BatchSplit(sst, mnli, batch_sizes=[2, 3])") == .rows(expected: 5, found: 4))
    #expect(try error("BatchSplit(sst, mnli, batch_sizes=[1, 1])") == .rows(expected: 2, found: 4))
    #expect(
      try error("BatchSplit(BatchSplit(sst, sst2, batch_sizes=[1, 2]), mnli, batch_sizes=[2, 2])")
        == .rows(expected: 3, found: 2))
  }

  @Test func aChildOfNoRowsIsIdle() throws {
    let model = try subject()
    let all = try model(ids, setup: .composition(Composition("mnli"))).values
    let split = try model(ids, setup: .composition(Composition("BatchSplit(sst, mnli, batch_sizes=[0, 4])"))).values
    expectClose(split, all, .exact)
  }

  @Test func parallelBlocksOfAStackMustAgree() throws {
    #expect(
      try error("Stack(Parallel(sst, sst2), Parallel(sst, sst2, mnli))") == .channels(first: 2, second: 3))
  }

  @Test func rowsOfTheirOwnMustBeAsManyAsTheBatchAndChooseNoRows() throws {
    let model = try subject()
    let sst = Composition.adapter("sst")
    #expect(throws: CompositionError.rows(expected: 3, found: 4)) { _ = try model(ids, setup: .rows([sst, nil, sst])) }
    #expect(throws: CompositionError.unknownAdapter(name: "nli", nearest: ["mnli"])) {
      _ = try model(ids, setup: .rows([sst, nil, sst, .adapter("nli")]))
    }
    let error = #expect(throws: CompositionError.self) {
      _ = try model(ids, setup: .rows([sst, nil, sst, .parallel([sst, sst])]))
    }
    guard case .unsupported(block: "Parallel", _)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}

/// Limits of a composition, and the heads that follow it.
@Suite struct CompositionRuleTests {
  private func nested(_ depth: Int) -> String {
    String(repeating: "Stack(", count: depth) + "a" + String(repeating: ")", count: depth)
  }

  @Test func aSetupOfTwoHundredLevelsIsReadAndADeeperOneIsRefused() throws {
    #expect(try Composition(nested(200)).adapters == ["a"])
    for depth in [257, 20_000, 200_000] {
      #expect(throws: CompositionError.tooDeep(limit: 256)) { try Composition(nested(depth)) }
    }
  }

  @Test func aSetupOfTooManyAdaptersIsRefused() throws {
    func wide(_ count: Int) -> String { "Sum(" + Array(repeating: "a", count: count).joined(separator: ",") + ")" }
    #expect(try Composition(wide(10_000)).children.count == 10_000)
    #expect(throws: CompositionError.tooLarge(limit: 16_384)) { try Composition(wide(20_000)) }
  }

  @Test(arguments: [
    "Split(a, b, splits=[9223371487098961920, 9223371487098961920])", "Split(a, b, splits=[9223372036854775807, 1])",
    "BatchSplit(a, b, batch_sizes=[9223372036854775808, 1])", "BatchSplit(a, b, batch_sizes=[1, 1e30])",
    "Stack(BatchSplit(a, b, batch_sizes=[4611686018427387904, 4611686018427387904]))", "Split(a, splits=-1)",
    "BatchSplit(a, b, batch_sizes=[1.5, 2])",
  ])
  func aSizeThatNoBatchHasIsRefusedByItsBlock(_ text: String) throws {
    let error = try #require(throws: CompositionError.self) { try Composition(text) }
    guard case .size(let block, _, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(text.contains(block))
  }

  /// A Float would say 16777216.
  @Test func sizesAreReadToTheLastDigit() throws {
    #expect(
      try Composition("Split(a, b, splits=[16777217, 2.0])")
        == .split([.adapter("a"), .adapter("b")], sizes: [16_777_217, 2]))
  }

  @Test(arguments: [
    ("a", "a"), ("Stack(a, b)", "b"), ("Stack(a, Fuse(b, c))", "b,c"), ("Stack(Fuse(a, b), c)", "c"),
    ("Fuse(Stack(a, b), c)", "b,c"), ("Average(a, b, weights=[0.3, 0.7])", "b"), ("Sum(a, Stack(b, c))", "c"),
    ("Split(a, b, splits=[1, 2])", "b"),
  ])
  func theHeadOfACompositionIsThatOfItsLastAdapterAndAFusionHasItsOwn(_ text: String, _ head: String) throws {
    #expect(try Composition(text).head == head)
  }

  private func following(_ text: String, rows: Int, without missing: Set<String> = []) throws -> [String] {
    AnsweringHead.following(try Composition(text).repetitions(rows: rows)) { missing.contains($0) ? nil : $0 }
      .map { "\($0.label)=\($0.head)\($0.rows)" }
  }

  @Test func headsFollowTheAdaptersOfEveryRowInTheOrderOfTheSetup() throws {
    #expect(try following("Stack(a, b)", rows: 2) == ["b=b[0, 1]"])
    #expect(try following("Parallel(z, a)", rows: 2) == ["z=z[0, 1]", "a=a[2, 3]"])
    #expect(try following("Parallel(Stack(a, b), c)", rows: 2) == ["b=b[0, 1]", "c=c[2, 3]"])
    #expect(try following("Parallel(a, a)", rows: 1) == ["a=a[0]", "a#2=a[1]"])
    #expect(try following("Stack(Parallel(a, b), c)", rows: 1) == ["c=c[0]", "c#2=c[1]"])
    #expect(try following("BatchSplit(a, Stack(b, c), batch_sizes=[1, 2])", rows: 3) == ["a=a[0]", "c=c[1, 2]"])
    #expect(
      try following("BatchSplit(a, b, a, batch_sizes=[1, 1, 1])", rows: 3) == ["a=a[0, 2]", "b=b[1]"])
    #expect(try following("Parallel(a, b)", rows: 1, without: ["a"]) == ["b=b[1]"])
    #expect(AnsweringHead.following([[nil, .adapter("a")]]) { $0 }.map(\.label) == ["default", "a"])
  }

  @Test func headsThatAreAskedForAnswerAllRowsOrARepetitionEach() throws {
    func requested(_ names: [String], _ text: String) throws -> [AnsweringHead]? {
      AnsweringHead.requested(names, try Composition(text).repetitions(rows: 2)) { $0 }
    }
    #expect(try requested(["a", "b"], "c")?.map(\.rows) == [[0, 1], [0, 1]])
    #expect(try requested(["b", "b"], "Parallel(a, b)")?.map(\.label) == ["b", "b#2"])
    #expect(try requested(["b", "a"], "Parallel(a, b)")?.map(\.rows) == [[0, 1], [2, 3]])
    // Fewer heads than repetitions answer those that they follow.
    #expect(try requested(["c", "a"], "Parallel(a, b, Stack(a, c))")?.map(\.rows) == [[4, 5], [0, 1]])
    #expect(try requested(["x"], "Parallel(a, b)") == nil)
    #expect(try requested([], "Parallel(a, b)") == [])
  }
}

@Suite struct MethodNameTests {
  @Test(arguments: [
    "seq_bn", "double_seq_bn", "par_bn", "scaled_par_bn", "seq_bn_inv", "double_seq_bn_inv", "compacter",
    "compacter++", "lora", "ia3", "vera", "dora", "dvora", "prefix_tuning", "prefix_tuning_flat", "prompt_tuning",
    "loreft", "noreft", "direft", "mam", "unipelt",
  ])
  func aMethodIsCalledByThePresetThatItIs(_ preset: String) throws {
    #expect(try MethodCatalog.standard.method(preset: preset).name == preset)
  }

  @Test(arguments: [
    ("pfeiffer", "seq_bn"), ("houlsby+inv", "double_seq_bn_inv"),
    ("seq_bn[reduction_factor=2, leave_out=[0]]", "seq_bn"),
    ("lora[r=64, intermediate_lora=True]", "lora"), ("ia3[output_lora=True]", "ia3"), ("vera[vera_d=0.5]", "vera"),
    ("compacter++[phm_dim=2]", "compacter++"), ("lora[use_dora=True]", "dora"), ("loreft[r=8]", "loreft"),
    ("prefix_tuning|seq_bn", "prefix_tuning|seq_bn"), ("prefix_tuning|seq_bn|lora", "prefix_tuning|seq_bn|lora"),
    ("par_bn|prefix_tuning", "mam"), ("lora|ia3[attn_matrices=['k']]", "lora|ia3"),
  ])
  func sizesDoNotChangeTheName(_ text: String, _ name: String) throws {
    #expect(try MethodCatalog.standard.method(preset: text).name == name)
  }
}
