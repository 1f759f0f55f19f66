internal import Checkpoints
internal import Files

/// The methods of PEFT, and the keys that they share.
enum PeftCatalog {
  static let methods: [any PeftMethod.Type] = [
    PeftLoRA.self, PeftIA3.self, PeftVeRA.self, AdaLoRA.self, LoHa.self, LoKr.self, OFT.self, BOFT.self, HRA.self,
    FourierFT.self, LNTuning.self, TrainableTokens.self, PeftPrompt.self, PTuning.self,
  ]

  /// Keys that do not affect a saved adapter's results: provenance, initialization, execution.
  private static let harmless: Set<String> = [
    "peft_type", "task_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "peft_version",
    "runtime_config", "base_digest",
  ]

  /// The method for `peft_type`.
  static func method(_ fields: ConfigurationFields) throws(ConfigurationError) -> any PeftMethod.Type {
    let name = try fields.there("peft_type", fields.string("peft_type"))
    guard let method = methods.first(where: { $0.type == name.uppercased() }) else {
      throw fields.impossible("peft_type", "'\(name)'", methods.map { "'\($0.type)'" }.sorted().joined(separator: ", "))
    }
    return method
  }

  /// - Throws: `ConfigurationError.impossible` for a key with an unsupported effect.
  static func check(_ fields: ConfigurationFields, _ method: any PeftMethod.Type) throws(ConfigurationError) {
    let known = harmless.union((PeftScope.fields + method.fields).map(\.key))
    for (key, value) in fields.members.sorted(by: { $0.key < $1.key }) where !known.contains(key) && value.hasEffect {
      throw fields.impossible(
        key, value.kind,
        "no such setting: it changes what \(method.type) does, or is not known here, and is not left out in silence")
    }
  }
}

extension JSONValue {
  /// Whether a setting of this value has an effect: null, false and empty values turn it off.
  fileprivate var hasEffect: Bool {
    switch self {
    case .null, .bool(false), .array([]), .string(""): false
    case .object(let members): !members.isEmpty
    default: true
    }
  }
}
