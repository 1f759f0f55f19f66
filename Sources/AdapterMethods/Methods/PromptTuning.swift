public import Checkpoints
public import Deberta
public import Tensors

/// Prompt tuning: trained embeddings before every sequence, or after its first token.
///
///     x' = [e₁ ... e_P x₁ ... x_N]        e [P, H]
///
/// They are ordinary tokens: they have relative positions, are attended to, and have hidden states in the output.
///
/// Source: Lester et al., "The Power of Scale for Parameter-Efficient Prompt
/// Tuning" (2021); adapters, `methods/prompt_tuning.py`, `PromptTuning`.
public struct PromptTuning: AdapterMethod {
  public static let architecture: String? = "prompt_tuning"

  private let length: Int
  private let followsFirstToken: Bool
  public let settings: [String: JSONValue]
  private let source: String

  public static let fields: [MethodField] = [
    MethodField("architecture", .string("prompt_tuning")), MethodField("prompt_length", .integer(10)),
    MethodField(
      "prompt_init", .string("random_uniform"),
      .startsOnly("'random_uniform': a fresh prompt does not start with the embeddings of a text here")),
    MethodField("prompt_init_text", .null, .startsOnly("null: a fresh prompt does not start with a text here")),
    MethodField("combine", .string("prefix")), .seed,
  ]

  public init(_ given: ConfigurationFields) throws(ConfigurationError) {
    let fields = try given.completed(by: Self.fields)
    settings = fields.members
    length = try fields.whole("prompt_length", in: 1...1 << 16)
    switch try fields.word("combine") {
    case "prefix": followsFirstToken = false
    case "prefix_after_bos": followsFirstToken = true
    case let name: throw fields.impossible("combine", "'\(name)'", "'prefix' or 'prefix_after_bos'")
    }
    source = fields.file
  }

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
