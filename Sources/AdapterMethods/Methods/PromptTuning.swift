public import Checkpoints
public import Deberta
public import Tensors

/// Prompt tuning: trained embeddings in front of every sequence's own, or behind its first token.
///
///     x' = [e₁ ... e_P x₁ ... x_N]        e [P, H]
///
/// They are tokens like others: they count for relative positions, are
/// attended to, and have hidden states in the output.
///
/// Source: Lester et al., "The Power of Scale for Parameter-Efficient Prompt
/// Tuning" (2021); adapters, `methods/prompt_tuning.py`, `PromptTuning`.
public struct PromptTuning: AdapterMethod {
  public static let architecture: String? = "prompt_tuning"

  private let length: Int
  private let followsFirstToken: Bool
  public let settings: [String: JSONValue]
  private let source: String

  public init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    settings = fields.members.merging(Self.defaults) { own, _ in own }
    length = try fields.integer("prompt_length", in: 1...1 << 16) ?? 10
    switch try fields.string("combine") ?? "prefix" {
    case "prefix": followsFirstToken = false
    case "prefix_after_bos": followsFirstToken = true
    case let name: throw fields.impossible("combine", "'\(name)'", "'prefix' or 'prefix_after_bos'")
    }
    source = fields.file
  }

  private static let defaults: [String: JSONValue] = [
    "architecture": .string("prompt_tuning"), "prompt_length": .integer(10),
    "prompt_init": .string("random_uniform"), "prompt_init_text": .null, "combine": .string("prefix"),
    "init_weights_seed": .null,
  ]

  public func parameters(for shape: DebertaV2Configuration) throws(ConfigurationError) -> [ParameterSpec] {
    if shape.convolution != nil {
      throw .impossible(
        key: "architecture", value: "'prompt_tuning'",
        expected: "another method: this model's convolution reads the embeddings beside the first layer's output",
        file: source)
    }
    return [embedding(shape)]
  }

  public func hooks(
    _ parameters: AdapterParameters, named name: String, in encoder: Encoder, on pass: Pass
  ) throws(ConfigurationError) -> EncoderHooks {
    var hooks = EncoderHooks(layers: encoder.configuration.layerCount)
    hooks.prompt = Prompt(
      embeddings: parameters[embedding(encoder.configuration)], followsFirstToken: followsFirstToken)
    return hooks
  }

  private func embedding(_ shape: DebertaV2Configuration) -> ParameterSpec {
    ParameterSpec(
      "prompt_tuning", "prompt_tunings", "prompt_embedding.weight", [length, shape.hiddenSize],
      .uniform(bound: 0.5))
  }
}
