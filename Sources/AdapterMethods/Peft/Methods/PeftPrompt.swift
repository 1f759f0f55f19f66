internal import Checkpoints
internal import Deberta
internal import Tensors

/// PEFT's prompt tuning: trained word embeddings before those of every text.
///
///     x' = [e₁ ... e_P x₁ ... x_N]        e [P, E]
///
/// Absolute positions, projection and norm of the embeddings follow, as for words. A sequence head reads the first
/// token, which is the prompt's.
///
/// Source: Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning" (2021); peft 0.21,
/// `tuners/prompt_tuning`, `peft_model.py`.
struct PeftPrompt: PeftMethod {
  static let type = "PROMPT_TUNING"
  static let prefix = "prompt_"
  static let targets: [String] = []

  private let length: Int

  static let fields =
    PromptSettings.fields + [
      MethodField(
        "prompt_tuning_init", .string("RANDOM"),
        .startsOnly("'RANDOM': a fresh prompt does not start with words here")),
      MethodField(
        "prompt_tuning_init_text", .null, .startsOnly("null: a fresh prompt does not start with a text here")),
      MethodField("tokenizer_name_or_path", .null, .none), MethodField("tokenizer_kwargs", .null, .none),
    ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) { length = try PromptSettings.length(fields) }

  var name: String { "prompt_tuning" }

  func tensors(for module: PeftModule) -> [PeftTensor]? { nil }

  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) -> [PeftTensor] {
    [PeftTensor(PromptSettings.tensor, [length, shape.embeddingSize], .normal(deviation: 1))]
  }

  func prompt(_ tensors: PeftTensors) -> Prompt? { PromptSettings.prompt(tensors) }
}

/// P-tuning: a prompt computed by an LSTM or an MLP in training.
///
/// PEFT saves the result, so a saved adapter is a prompt.
///
/// Source: Liu et al., "GPT Understands, Too" (2021); peft 0.21, `tuners/p_tuning`.
struct PTuning: PeftMethod {
  static let type = "P_TUNING"
  static let prefix = "prompt_"
  static let targets: [String] = []

  private let length: Int
  private let file: String

  static let fields =
    PromptSettings.fields
    + ["encoder_reparameterization_type", "encoder_hidden_size", "encoder_num_layers", "encoder_dropout"].map {
      MethodField($0, .null, .none)
    }

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    length = try PromptSettings.length(fields)
    file = fields.file
  }

  func tensors(for module: PeftModule) -> [PeftTensor]? { nil }

  func sharedTensors(
    for modules: [PeftModule], in shape: DebertaConfiguration, among held: [String: [Int]]?
  ) throws(ConfigurationError) -> [PeftTensor] {
    guard held != nil else {
      throw .impossible(
        key: "peft_type", value: "'P_TUNING'",
        expected: "'PROMPT_TUNING' for a fresh adapter: what makes the prompt of P-tuning is not trained here",
        file: file)
    }
    return [PeftTensor(PromptSettings.tensor, [length, shape.embeddingSize], .constant(0))]
  }

  func prompt(_ tensors: PeftTensors) -> Prompt? { PromptSettings.prompt(tensors) }
}

/// Settings shared by prompts.
private enum PromptSettings {
  static let tensor = "prompt_embeddings"

  static let fields: [MethodField] =
    [MethodField("num_virtual_tokens", .integer(20)), MethodField("num_transformer_submodules", .null)]
    // Properties of the base model.
    + ["token_dim", "num_attention_heads", "num_layers"].map { MethodField($0, .null, .none) }

  static func length(_ fields: ConfigurationFields) throws(ConfigurationError) -> Int {
    if let parts = try fields.integer("num_transformer_submodules", in: 1...16), parts != 1 {
      throw fields.impossible("num_transformer_submodules", "\(parts)", "1, because the model is an encoder")
    }
    return try fields.whole("num_virtual_tokens", in: 1...1 << 16)
  }

  static func prompt(_ tensors: PeftTensors) -> Prompt {
    Prompt(embeddings: tensors[tensor], stage: .words, followsFirstToken: false)
  }
}
