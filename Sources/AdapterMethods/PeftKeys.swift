internal import Checkpoints

/// The keys of PEFT's `LoraConfig`, and what becomes of each.
///
/// Source: peft 0.21, `config.py`, `PeftConfig`; `tuners/lora/config.py`, `LoraConfig`; `tuners/lora/layer.py`.
enum PeftKeys {
  /// They act: ranks, scales, places, dropout; the kind of task and the modules that the head is read from.
  private static let acting: Set<String> = [
    "peft_type", "task_type", "modules_to_save", "r", "lora_alpha", "lora_dropout", "use_rslora", "use_dora",
    "rank_pattern", "alpha_pattern", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern",
    "bias", "init_lora_weights",
  ]

  /// They change no number of a saved adapter: where it comes from, how its values were found, how PEFT runs it.
  private static let harmless: Set<String> = [
    "base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version", "runtime_config",
    "base_digest", "megatron_core", "qalora_group_size", "eva_config", "corda_config", "loftq_config",
    "lora_ga_config", "velora_config", "ensure_weight_tying",
  ]

  /// Ways to start A and B that leave the base model's weights alone; every other one takes a part out of them, also
  /// when PEFT loads the adapter again.
  private static let harmlessStarts = ["gaussian", "orthogonal", "eva"]

  /// - Throws: `ConfigurationError.impossible` for a key with an effect that is not had here.
  static func check(_ fields: ConfigurationFields) throws(ConfigurationError) {
    if let type = try fields.string("peft_type"), type.uppercased() != "LORA" {
      throw fields.impossible("peft_type", "'\(type)'", "'LORA'")
    }
    if let bias = try fields.string("bias"), bias != "none" {
      throw fields.impossible("bias", "'\(bias)'", "'none': biases that were trained along are not read")
    }
    switch fields.members["init_lora_weights"] {
    case nil, .null, .bool: break
    case .string(let name) where harmlessStarts.contains(name.lowercased()): break
    case let value?:
      throw fields.impossible(
        "init_lora_weights", value.kind,
        "true, false, 'gaussian', 'orthogonal' or 'eva': any other start changes the base model's own weights. "
          + "In Python, save_pretrained(path_initial_model_for_weight_conversion=...) writes plain LoRA of it")
    }
    for (key, value) in fields.members.sorted(by: { $0.key < $1.key })
    where !acting.contains(key) && !harmless.contains(key) && value.hasEffect {
      throw fields.impossible(
        key, value.kind,
        "no such setting: it changes what LoRA does, or is not known here, and is not left out in silence")
    }
  }
}

extension JSONValue {
  /// Whether a setting of this value does something: null, false and what is empty turn it off.
  fileprivate var hasEffect: Bool {
    switch self {
    case .null, .bool(false), .array([]), .string(""): false
    case .object(let members): !members.isEmpty
    default: true
    }
  }
}
