import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Heads
import Tensors
import TestSupport
import Testing

@testable import Training

/// The gradient of everything that can be trained is what differences of the loss say.
@Suite struct GradientLaws {
  /// Negative control: another adapter's gradient is seen to be wrong.
  @Test func differencesTellAWrongGradientFromTheRightOne() throws {
    let subject = try TrainingSubject(["a": "lora[r=3, alpha=7]"], setup: "a")
    let gradients = try subject.step().gradients
    let parameter = subject.model.parameters[0]
    func ratio(_ gradient: Tensor?) throws -> Double {
      let found = try DirectionalDerivative(gradient, of: parameter.value, length: 0.02, seed: 7) { try subject.loss() }
      return Comparison([found.analytic], [found.differences], .gradient, sizes: [found.size]).ratio
    }
    #expect(try ratio(gradients[0]) <= 1)
    let other = try #require(
      gradients.indices.first { index in
        index > 0 && subject.model.parameters[index].value.rows == parameter.value.rows
      })
    #expect(try ratio(gradients[other]) > 10)
    #expect(try ratio(nil) > 10)
  }

  /// q and k adapters act on the tables of relative positions too.
  @Test(arguments: MethodExample.all)
  func gradientsAreWhatDifferencesSay(_ example: MethodExample) throws {
    try TrainingSubject(["a": example.smooth ?? example.preset], setup: "a").expectGradients()
  }

  @Test(
    arguments: MethodExample.pairs(
      MethodExample.kinds + MethodExample.firstGeneration,
      ["noshare", "v2conv", "norel", "p2c", "abs", "deberta-v1", "deberta-v1-talking"]))
  func gradientsAreWhatDifferencesSayInEveryKindOfEncoder(_ example: MethodExample, _ base: String) throws {
    try TrainingSubject(["a": example.smooth ?? example.preset], setup: "a", base: base).expectGradients()
  }

  private static let blocks = [
    "Stack(a, b)", "Parallel(a, b)", "BatchSplit(a, b, c, batch_sizes=[1, 2, 1])",
    "Average(a, b, weights=[1, 3])", "Sum(a, b)", "Stack(c, Parallel(a, b))", "Parallel(Stack(a, c), b)",
    "Average(a, Sum(b, c))", "BatchSplit(Stack(a, b), c, batch_sizes=[3, 1])",
  ]

  /// Adapters that act at different places, and together at some.
  @Test(arguments: blocks)
  func gradientsThroughBlocksAreWhatDifferencesSay(_ setup: String) throws {
    try TrainingSubject(
      [
        // Of little weight, because a chain of them is steep.
        "a": "lora[attn_matrices=['q', 'k', 'v'], r=3, alpha=1]",
        "b": "double_seq_bn[use_gating=True, scaling='learned', reduction_factor=8]",
        "c":
          "lora[attn_matrices=['q', 'k'], r=2, alpha=1]|loreft[r=2]|par_bn[reduction_factor=8, non_linearity='tanh']",
      ], setup: setup
    ).expectGradients()
  }

  @Test(arguments: [
    "Stack(a, b)", "Parallel(a, b)", "Average(a, b, weights=[1, 3])", "Sum(a, b)",
    "BatchSplit(a, b, batch_sizes=[3, 1])",
  ])
  func gradientsThroughBlocksOfRescaledProjections(_ setup: String) throws {
    try TrainingSubject(
      [
        "a": "dora[attn_matrices=['q', 'k'], r=3, alpha=7]", "b": "ia3[attn_matrices=['q', 'k', 'v'], alpha=2]",
      ], setup: setup
    ).expectGradients()
  }

  @Test(arguments: ["Stack(a, b)", "Parallel(a, b)", "BatchSplit(a, b, batch_sizes=[3, 1])"])
  func gradientsThroughBlocksOfPrefixesAndPrompts(_ setup: String) throws {
    try TrainingSubject(
      [
        "a": "prefix_tuning[prefix_length=4, bottleneck_size=9, use_gating=True]",
        "b": "prefix_tuning_flat[prefix_length=2]|prompt_tuning[prompt_length=3]",
      ], setup: setup
    ).expectGradients()
  }

  /// A sequence of one token ends in the first part.
  @Test(arguments: ["Split(a, b, splits=[4, 17])", "Stack(c, Split(a, b, splits=[1, 20]))"])
  func gradientsThroughSplitsAreWhatDifferencesSay(_ setup: String) throws {
    try TrainingSubject(
      [
        "a": "seq_bn[reduction_factor=8, non_linearity='tanh']",
        "b": "seq_bn[reduction_factor=6, non_linearity='gelu', scaling='channel']",
        "c": "double_seq_bn[reduction_factor=8]",
      ], setup: setup
    ).expectGradients()
  }

  /// The fusion alone, with its adapters, and in a stack.
  @Test(arguments: [false, true], ["Fuse(x, y)", "Stack(z, Fuse(x, y))", "Stack(Fuse(x, y), z)"])
  func gradientsOfAFusionAreWhatDifferencesSay(_ trainsAdapters: Bool, _ setup: String) throws {
    let subject = try TrainingSubject(
      [
        "x": "seq_bn[reduction_factor=8, non_linearity='tanh']",
        "y": "seq_bn[reduction_factor=6, non_linearity='gelu']",
        "z": "double_seq_bn[reduction_factor=8]",
      ], setup: setup, part: .fusions(withAdapters: trainsAdapters),
      fusion: Fixtures.parityCase("fuse-two") + "/fusions/x+y")
    #expect(subject.model.parameters.contains { $0.name.contains(".x.") } == trainsAdapters)
    #expect(subject.model.parameters.contains { $0.name.contains("adapter_fusion_layer") })
    try subject.expectGradients(.steepGradient)
  }

  // MARK: Heads

  /// A random class for every token whose number leaves a rest; the others are not asked.
  private static func tokens(_ classes: Int, where isAsked: (Int) -> Bool) -> [Target] {
    var random = RandomNumbers(seed: 6)
    return TrainingSubject.ids.map { ids in
      .tokens(
        ids.indices.map { isAsked($0) ? Int32.random(in: 0..<Int32(classes), using: &random) : Target.notCounted })
    }
  }

  /// A head of the fixtures, and what it should answer.
  private struct HeadExample: Sendable, CustomTestStringConvertible {
    let folder: String
    let targets: [Target]
    var options = CrossEntropyOptions()
    var testDescription: String { folder }
  }

  private static let heads = [
    HeadExample(folder: "head-cls-1-layer", targets: [.label(3), .label(0), .label(1), .label(1)]),
    HeadExample(folder: "head-cls-3-layers-gelu", targets: [.label(1), .label(0), .label(1), .label(1)]),
    HeadExample(folder: "head-cls-regression", targets: [.value(0.5), .value(-2), .value(1), .value(0)]),
    HeadExample(
      folder: "head-multilabel",
      targets: (0..<4).map { row in .labels((0..<5).map { (row + $0) % 3 == 0 }) }),
    HeadExample(
      folder: "head-tagging-2-layers", targets: tokens(5) { $0 % 3 != 2 },
      options: CrossEntropyOptions(labelSmoothing: 0.1, classWeights: [1, 2, 0.5, 1, 3])),
    // One answer lies behind the end of its sequence and is not asked for.
    HeadExample(
      folder: "head-qa",
      targets: [.span(start: 2, end: 4), .span(start: 0, end: 0), .span(start: 20, end: 20), .span(start: 3, end: 9)]),
    HeadExample(folder: "head-multiple-choice", targets: [.choice(1), .choice(0)]),
    HeadExample(folder: "head-masked-lm", targets: tokens(TinyModel.vocabulary) { $0 % 4 == 0 }),
  ]

  private func subject(
    _ head: HeadExample, adapter: String, part: TrainedPart = .adapters
  ) throws -> TrainingSubject {
    var model = try TinyModel.load()
    try model.addRandom(adapter, named: "a", seed: 11)
    try model.loadHead(Fixtures.parityCase(head.folder) + "/heads/h", as: "h")
    var subject = TrainingSubject(
      try model.trainable(.adapter("a"), heads: ["h"], part: part, folder: Fixtures.base("v3")))
    subject.task = (["h"], head.targets, head.options)
    return subject
  }

  @Test(arguments: heads)
  private func gradientsOfHeadsAndWhatIsBelowThemAreWhatDifferencesSay(_ head: HeadExample) throws {
    let subject = try subject(
      head, adapter: "lora[attn_matrices=['k'], r=2, alpha=6]|seq_bn[non_linearity='tanh', leave_out=[0]]")
    #expect(subject.model.parameters.contains { $0.name.hasPrefix("heads.h.") })
    try subject.expectGradients()
  }

  /// The prompt's tokens have no targets.
  @Test(arguments: heads)
  private func gradientsOfHeadsBehindAPromptAreWhatDifferencesSay(_ head: HeadExample) throws {
    try subject(head, adapter: "prompt_tuning[prompt_length=3]").expectGradients()
  }

  /// Each head reads its own repetition of the rows, and the losses are added.
  @Test func gradientsOfSeveralHeadsUnderParallelAreWhatDifferencesSay() throws {
    var model = try TinyModel.load()
    try model.addRandom("lora[attn_matrices=['q', 'k'], r=2, alpha=6]", named: "a", seed: 11)
    try model.addRandom("seq_bn[non_linearity='tanh']", named: "b", seed: 12)
    for name in ["h", "g"] { try model.loadHead(Fixtures.parityCase("head-cls-1-layer") + "/heads/h", as: name) }
    var subject = TrainingSubject(
      try model.trainable(Composition("Parallel(a, b)"), heads: ["h", "g"], folder: Fixtures.base("v3")))
    subject.task = (["h", "g"], Self.heads[0].targets, CrossEntropyOptions())
    try subject.expectGradients()
  }

  /// The decoder of a masked language model is trained with the base.
  @Test func gradientsOfAMaskedLanguageModelWithItsBaseAreWhatDifferencesSay() throws {
    let head = try #require(Self.heads.first { $0.folder == "head-masked-lm" })
    try subject(head, adapter: "lora[r=2, alpha=6]", part: .everything).expectGradients()
  }

  // MARK: The base

  /// Shared projections and none, one position term, a convolution, absolute positions with a projection of embeddings.
  @Test(arguments: ["v3", "noshare", "v2conv", "p2c", "norel", "abs", "deberta-v1", "deberta-v1-talking"])
  func gradientsOfTheWholeBaseAreWhatDifferencesSay(_ base: String) throws {
    var model = try TinyModel.load(base)
    try model.addRandom("lora[attn_matrices=['q', 'k'], r=2, alpha=6]", named: "a", seed: 11)
    let types = TrainingSubject.ids.map { ids in ids.indices.map { Int32($0 > ids.count / 2 ? 1 : 0) } }
    let subject = TrainingSubject(
      try model.trainable(.adapter("a"), heads: [], part: .everything, folder: Fixtures.base(base)),
      Batch(TrainingSubject.ids, tokenTypes: types))
    #expect(subject.model.parameters.contains { $0.name == "deberta.embeddings.word_embeddings.weight" })
    if base == "abs" {
      for table in ["position_embeddings", "token_type_embeddings", "embed_proj"] {
        #expect(subject.model.parameters.contains { $0.name == "deberta.embeddings.\(table).weight" })
      }
    }
    // The loss is steep in v1's one matrix of queries, keys and values: shorter ways.
    try subject.expectGradients(length: base.hasPrefix("deberta-v1") ? 0.02 : 0.05)
  }

  // MARK: How they are computed

  private static let wholes = [
    "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=5, alpha=3]",
    "prefix_tuning[prefix_length=4, bottleneck_size=9, use_gating=True]|seq_bn[use_gating=True]|lora[r=3]",
    "dora[attn_matrices=['q', 'k']]|loreft|seq_bn_inv", "prompt_tuning[prompt_length=3]",
  ]

  @Test(arguments: wholes, [nil, DropoutSeed(seed: 3, step: 4)])
  func recomputedGradientsHaveTheVeryBitsOfKeptOnes(_ preset: String, _ dropout: DropoutSeed?) throws {
    let subject = try TrainingSubject(["a": preset], setup: "a")
    let kept = try subject.step(dropout: dropout)
    #expect(try subject.step(dropout: DropoutSeed(seed: 9, step: 4)).loss != kept.loss)
    let again = try subject.step(dropout: dropout, recomputing: true)
    expectClose(again.loss, kept.loss, .exact)
    expectEqualBits(again, kept)
  }

  @Test func recomputedGradientsOfTheWholeBaseHaveTheVeryBitsOfKeptOnes() throws {
    for base in ["v2conv", "abs", "deberta-v1-talking"] {
      let model = try TinyModel.load(base).trainable(nil, heads: [], part: .everything, folder: Fixtures.base(base))
      let subject = TrainingSubject(model)
      let dropout = DropoutSeed(seed: 3, step: 4)
      expectEqualBits(try subject.step(dropout: dropout, recomputing: true), try subject.step(dropout: dropout))
    }
  }

  @Test(arguments: wholes)
  func gradientsHaveTheSameBitsWithOneTwoAndThreeThreads(_ preset: String) throws {
    let steps = try [1, 2, 3].map { threads in
      var model = try TinyModel.load("v3", Compute(threads: threads))
      try model.addRandom(preset, named: "a", seed: 11)
      return try TrainingSubject(
        try model.trainable(.adapter("a"), heads: [], folder: Fixtures.base("v3"))
      ).step(dropout: DropoutSeed(seed: 3, step: 4))
    }
    expectEqualBits(steps[1], steps[0])
    expectEqualBits(steps[2], steps[0])
  }

  private func expectEqualBits(
    _ ours: TrainingSubject.Step, _ theirs: TrainingSubject.Step, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    expectClose(ours.loss, theirs.loss, .exact, sourceLocation: sourceLocation)
    for (own, other) in zip(ours.gradients, theirs.gradients) {
      expectClose(own?.array ?? [], other?.array ?? [], .exact, sourceLocation: sourceLocation)
    }
  }

  @Test func trainingReadsTheParametersAndChangesNothingElse() throws {
    let subject = try TrainingSubject(["a": "lora[r=3]"], setup: "a")
    let before = subject.model.parameters.map(\.value.array)
    let first = try subject.step()
    let second = try subject.step()
    expectEqualBits(second, first)
    for (parameter, values) in zip(subject.model.parameters, before) {
      expectClose(parameter.value.array, values, .exact)
    }
  }
}
