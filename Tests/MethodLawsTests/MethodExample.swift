import AdapterHost
import AdapterMethods
import TestSupport
import Testing

/// A configuration that the laws are tried on.
struct MethodExample: Sendable, CustomTestStringConvertible {
  let preset: String
  /// Whether its effect is a change of weights.
  var canMerge = false
  var stacked = Stacked.chains

  /// What several of a method do in a stack.
  enum Stacked {
    /// Each takes what the one before it made.
    case chains
    /// All read the sub-block's input, and the last one's result counts, as in the reference.
    case lastCounts
    /// The products of low rank of a place that is not square cannot be chained.
    case isRefused
  }

  var testDescription: String { preset }

  /// Every method, with its switches, one line each.
  static let all = [
    MethodExample(preset: "seq_bn"),
    MethodExample(preset: "seq_bn[reduction_factor={'1': 4, 'default': 12}]"),
    MethodExample(preset: "seq_bn[scaling='learned', non_linearity='gelu']"),
    MethodExample(preset: "seq_bn[scaling='channel', non_linearity='tanh']"),
    MethodExample(preset: "seq_bn[ln_before=True, ln_after=True, non_linearity='silu']"),
    MethodExample(preset: "seq_bn[residual_before_ln='post_add', adapter_residual_before_ln=True, ln_after=True]"),
    MethodExample(preset: "seq_bn[original_ln_after=False, reduction_factor=3]"),
    MethodExample(preset: "double_seq_bn"),
    MethodExample(preset: "double_seq_bn[original_ln_before=True, residual_before_ln=False, leave_out=[1]]"),
    MethodExample(preset: "par_bn", stacked: .lastCounts),
    MethodExample(preset: "scaled_par_bn[mh_adapter=True, reduction_factor=16]", stacked: .lastCounts),
    MethodExample(preset: "lora[r=3, alpha=7]", canMerge: true),
    MethodExample(
      preset: "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True, r=5, alpha=3]",
      canMerge: true, stacked: .isRefused),
    MethodExample(preset: "lora[attn_matrices=['k'], leave_out=[0, 2], r=2, alpha=6]", canMerge: true),
    gatedBottleneck, gatedLoRA,
  ]

  static let gatedBottleneck = MethodExample(preset: "double_seq_bn[use_gating=True, scaling='learned']")
  static let gatedLoRA = MethodExample(preset: "lora[attn_matrices=['q', 'k', 'v'], use_gating=True, r=3, alpha=7]")

  static let mergeable = all.filter(\.canMerge)
}

/// A model with adapters of a method, under the names that the tests use.
struct Subject {
  var model: DebertaV2AdapterModel
  /// Ragged, one of a single token, one longer than the model has distances of their own.
  static let ids = TinyModel.ids([7, 1, 23, 12])

  /// The adapter `a` of a method, with random values; and `b`, with other ones.
  init(_ example: MethodExample, base: String = "v3") throws {
    model = try TinyModel.load(base)
    try model.addRandom(example.preset, named: "a", seed: 11)
    try model.addRandom(example.preset, named: "b", seed: 12)
  }

  /// Hidden states of all rows under a composition.
  func values(_ setup: String?, _ ids: [[Int32]] = ids) throws -> [Float] {
    try output(setup, ids).values
  }

  func output(_ setup: String?, _ ids: [[Int32]] = ids) throws -> ModelOutput {
    try model(ids, setup: .composition(setup.map { try Composition($0) }))
  }

  /// Hidden states of one row that is alone in its batch.
  func alone(_ row: Int, _ setup: String?) throws -> [Float] { try values(setup, [Self.ids[row]]) }
}
