import AdapterHost
import AdapterMethods
import TestSupport
import Testing

/// A configuration that the laws are tried on.
struct MethodExample: Sendable, CustomTestStringConvertible {
  let preset: String
  /// What another adapter on top of it makes, where its effect is a change of weights.
  var merged: Merged?
  var stacked = Stacked.chains
  /// Whether a mean of several of them can be taken: not of keys in front and of prompts.
  var averages = true
  /// By how many tokens it lengthens a text.
  var promptLength = 0
  /// The same with activations that have no corners, for differences; nil: it has none.
  var smooth: String?

  /// What several of a method do in a stack.
  enum Stacked: Equatable {
    /// Each takes what the one before it made.
    case chains
    /// All act, and their order makes no difference: factors, and keys in front.
    case commutes
    /// All read the sub-block's input, and the last one's result counts, as in the reference.
    case lastCounts
    /// It cannot be.
    case isRefused(CompositionError)
  }

  /// What an adapter on top of a merged one is.
  enum Merged {
    /// What the two add.
    case sum
    /// One after the other.
    case stack
    /// Neither: it reads the weights that it adapts.
    case readsWeights
  }

  var canMerge: Bool { merged != nil }
  /// Why there is no stack of them.
  var refusal: CompositionError? { if case .isRefused(let error) = stacked { error } else { nil } }
  var testDescription: String { preset }

  /// The methods of this package, and one that an application could have made.
  static let catalog = MethodCatalog.standard.adding(OutputShift.self)

  /// Every method, with its switches, one line each.
  static let all = bottlenecks + projections + memories + edits + unions + ownMethods

  private static let ownMethods = [
    MethodExample(preset: "output_shift", merged: .sum, stacked: .commutes),
    MethodExample(preset: "output_shift[leave_out=[1], factor=0.5]", merged: .sum, stacked: .commutes),
  ]

  private static let bottlenecks = [
    MethodExample(preset: "seq_bn", smooth: "seq_bn[non_linearity='gelu_new']"),
    MethodExample(
      preset: "seq_bn[reduction_factor={'1': 4, 'default': 12}]",
      smooth: "seq_bn[reduction_factor={'1': 4, 'default': 12}, non_linearity='mish']"),
    MethodExample(preset: "seq_bn[scaling='learned', non_linearity='gelu']"),
    MethodExample(preset: "seq_bn[scaling='channel', non_linearity='tanh']"),
    MethodExample(preset: "seq_bn[ln_before=True, ln_after=True, non_linearity='silu']"),
    MethodExample(
      preset: "seq_bn[residual_before_ln='post_add', adapter_residual_before_ln=True, ln_after=True]",
      smooth:
        "seq_bn[residual_before_ln='post_add', adapter_residual_before_ln=True, ln_after=True, non_linearity='tanh']"),
    MethodExample(
      preset: "seq_bn[original_ln_after=False, reduction_factor=3]",
      smooth: "seq_bn[original_ln_after=False, reduction_factor=3, non_linearity='sigmoid']"),
    MethodExample(preset: "double_seq_bn"),
    MethodExample(preset: "double_seq_bn[original_ln_before=True, residual_before_ln=False, leave_out=[1]]"),
    MethodExample(preset: "par_bn", stacked: .lastCounts, smooth: "par_bn[non_linearity='gelu']"),
    MethodExample(
      preset: "scaled_par_bn[mh_adapter=True, reduction_factor=16]", stacked: .lastCounts,
      smooth: "scaled_par_bn[mh_adapter=True, reduction_factor=16, non_linearity='quick_gelu']"),
    gatedBottleneck,
    MethodExample(preset: "compacter[reduction_factor=4, phm_dim=2]"),
    MethodExample(
      preset: "compacter++[scaling=8.0, reduction_factor=12, shared_phm_rule=False, factorized_phm_rule=True]"),
    MethodExample(preset: "compacter++[reduction_factor=6, factorized_phm_W=False, learn_phm=False]"),
    MethodExample(preset: "compacter++[scaling=8.0, reduction_factor=6, shared_W_phm=True, phm_bias=False]"),
  ]

  private static let projections = [
    MethodExample(preset: "lora[r=3, alpha=7]", merged: .sum),
    everyLoRA,
    MethodExample(preset: "lora[attn_matrices=['k'], leave_out=[0, 2], r=2, alpha=6]", merged: .sum),
    gatedLoRA,
    MethodExample(preset: "ia3", merged: .stack, stacked: .commutes),
    MethodExample(
      preset: "ia3[attn_matrices=['q', 'k'], output_lora=True, alpha=0.7]", merged: .stack, stacked: .commutes),
    MethodExample(preset: "ia3[attn_matrices=['q', 'k', 'v'], use_gating=True]", stacked: .commutes),
    dora,
    MethodExample(preset: "dora[attn_matrices=['v'], use_gating=True, r=2, alpha=5]"),
    MethodExample(preset: "vera[r=3, alpha=7]", merged: .sum),
    MethodExample(preset: "vera[attn_matrices=['q', 'k', 'v'], use_gating=True, r=5]"),
    MethodExample(preset: "dvora[attn_matrices=['q', 'k'], r=3, alpha=4]", merged: .readsWeights),
    MethodExample(preset: "mtl_lora[n_up_projection=3, r=3, alpha=7, weights_sharpness=0.4]", merged: .sum),
    MethodExample(preset: "mtl_lora[n_up_projection=2, attn_matrices=['q', 'k', 'v'], use_gating=True, r=5]"),
  ]

  private static let memories = [
    MethodExample(preset: "prefix_tuning[prefix_length=5, bottleneck_size=11]", stacked: .commutes, averages: false),
    MethodExample(preset: "prefix_tuning_flat[prefix_length=3, leave_out=[1]]", stacked: .commutes, averages: false),
    gatedPrefix,
    MethodExample(
      preset: "prefix_tuning_flat[prefix_length=3, use_gating=True, shared_gating=False]", stacked: .commutes,
      averages: false),
    prompt,
    MethodExample(
      preset: "prompt_tuning[prompt_length=4, combine='prefix_after_bos']", stacked: .isRefused(secondPrompt),
      averages: false, promptLength: 4),
  ]

  private static let edits = [
    loreft,
    MethodExample(preset: "noreft[r=2, tied_weights=True, suffix_positions=3, non_linearity='tanh']"),
    MethodExample(preset: "direft[layers=[0, 2], r=4, prefix_positions=4]"),
    invertible,
  ]

  private static let unions = [
    MethodExample(
      preset: "prefix_tuning[prefix_length=4, bottleneck_size=9]|par_bn[reduction_factor=6]", averages: false,
      smooth: "prefix_tuning[prefix_length=4, bottleneck_size=9]|par_bn[reduction_factor=6, non_linearity='silu']"),
    MethodExample(
      preset: "prefix_tuning[prefix_length=4, bottleneck_size=9, use_gating=True]|seq_bn[use_gating=True]"
        + "|lora[alpha=2, r=3, use_gating=True]", averages: false,
      smooth: "prefix_tuning[prefix_length=4, bottleneck_size=9, use_gating=True]"
        + "|seq_bn[use_gating=True, non_linearity='silu']|lora[alpha=2, r=3, use_gating=True]"),
    MethodExample(preset: "lora[r=2, alpha=3]|ia3[attn_matrices=['k'], alpha=2]", merged: .readsWeights),
  ]

  static let gatedBottleneck = MethodExample(preset: "double_seq_bn[use_gating=True, scaling='learned']")
  static let gatedLoRA = MethodExample(preset: "lora[attn_matrices=['q', 'k', 'v'], use_gating=True, r=3, alpha=7]")
  static let everyLoRA = MethodExample(
    preset: "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=5, alpha=3]",
    merged: .sum,
    stacked: .isRefused(.chain(first: "a", second: "b", place: "intermediate.dense", inputs: 48, outputs: 80)))
  static let dora = MethodExample(
    preset: "dora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, r=3, alpha=7]", merged: .readsWeights)
  static let gatedPrefix = MethodExample(
    preset: "prefix_tuning[prefix_length=5, bottleneck_size=11, use_gating=True]", stacked: .commutes, averages: false)
  static let prompt = MethodExample(
    preset: "prompt_tuning[prompt_length=3]", stacked: .isRefused(secondPrompt), averages: false, promptLength: 3)
  static let loreft = MethodExample(preset: "loreft[r=3, prefix_positions=2, suffix_positions=2]")
  static let invertible = MethodExample(
    preset: "seq_bn_inv", smooth: "seq_bn_inv[non_linearity='tanh', inv_adapter_reduction_factor=3]")

  private static let secondPrompt = CompositionError.unsupported(
    block: "Stack", what: "several prompts, or a part of one")

  /// One of each kind of hook, and of what acts on position tables.
  static let kinds = [
    all[0], everyLoRA, gatedLoRA, dora, gatedBottleneck, gatedPrefix, prompt, loreft, invertible,
  ]

  /// What acts on parts of v1's fused projection.
  static let firstGeneration = projections.filter { $0.preset.hasPrefix("ia3") || $0.preset.hasPrefix("vera") }

  static let mergeable = all.filter(\.canMerge)

  /// Whether an encoder can have it: a convolution reads the embeddings beside the first layer's output, and two
  /// methods with tensors at query and key both have them at v1's one projection, of which MTL-LoRA cannot adapt parts.
  func suits(_ base: String) -> Bool {
    if base == "v2conv" { return promptLength == 0 }
    return !(base.hasPrefix("deberta-v1") && (preset.contains("|ia3") || preset.hasPrefix("mtl_lora")))
  }

  /// Examples, each with every base that can have it.
  static func pairs(_ examples: [MethodExample], _ bases: [String]) -> [(MethodExample, String)] {
    examples.flatMap { example in bases.filter { example.suits($0) }.map { (example, $0) } }
  }
}

/// A model with adapters of a method, under the names that the tests use.
struct Subject {
  var model: DebertaV2AdapterModel
  /// Ragged, one of a single token, one longer than the model has distances of their own.
  static let ids = TinyModel.ids([7, 1, 23, 12])

  /// The adapter `a` of a method, with random values; and `b`, with other ones.
  init(_ example: MethodExample, base: String = "v3") throws {
    model = try TinyModel.load(base, catalog: MethodExample.catalog)
    try model.addRandom(example.preset, named: "a", seed: 11)
    try model.addRandom(example.preset, named: "b", seed: 12)
  }

  /// Hidden states of all rows under a composition.
  func values(_ setup: String?, _ ids: [[Int32]] = ids) throws -> [Float] {
    try output(setup, ids).values
  }

  /// Hidden states of the texts' tokens but the first, which no prompt comes between.
  func textValues(_ setup: String?, _ ids: [[Int32]] = ids) throws -> [Float] {
    let output = try output(setup, ids)
    return ids.indices.flatMap { output.values(row: $0).suffix((ids[$0].count - 1) * model.configuration.hiddenSize) }
  }

  func output(_ setup: String?, _ ids: [[Int32]] = ids) throws -> ModelOutput {
    try model(ids, setup: .composition(setup.map { try Composition($0) }))
  }

  /// Hidden states of one row that is alone in its batch.
  func alone(_ row: Int, _ setup: String?) throws -> [Float] { try values(setup, [Self.ids[row]]) }

  /// Those of its tokens but the first.
  func textAlone(_ row: Int, _ setup: String?) throws -> [Float] { try textValues(setup, [Self.ids[row]]) }
}
