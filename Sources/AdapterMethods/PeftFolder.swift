internal import Checkpoints
internal import Deberta
internal import Tensors

/// A folder of Hugging Face's PEFT: `adapter_config.json` with a `peft_type`, beside `adapter_model.safetensors` or
/// `adapter_model.bin`.
///
/// LoRA with one rank and scale is read, and becomes the LoRA of this package.
/// Tensors are named `base_model.model.deberta.PLACE.lora_A.weight`; what
/// `modules_to_save` names stands beside them, `base_model.model.classifier.weight`.
/// Source: peft, `tuners/lora/config.py`, `utils/save_and_load.py`.
public enum PeftFolder {
  static let weightFiles = ["adapter_model.safetensors", "adapter_model.bin"]

  static func isDescribed(by fields: ConfigurationFields) -> Bool { fields.members["peft_type"] != nil }

  /// The adapter of a folder; the folder's name is the adapter's, for PEFT saves none.
  ///
  /// - Throws: `ConfigurationError` for what LoRA here cannot say;
  ///   `CheckpointError` for tensors that are missing, mis-shaped or unknown.
  static func read(
    _ folder: String, _ fields: ConfigurationFields, for shape: DebertaV2Configuration
  ) throws -> (name: String, adapter: Adapter) {
    let name = folder.split(separator: "/").last.map(String.init) ?? folder
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let method = try LoRA(settings(fields, tensors: file.tensors.map(\.name), layers: shape.layerCount))
    let ledger = WeightLedger(file) { ownName($0, adapter: name) }
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = try ledger.tensor(spec.key(name), shape: spec.shape) }
    try ledger.finish(knowing: isOfHead)
    return (name, Adapter(method: method, parameters: AdapterParameters(specs, tensors)))
  }

  /// A tensor's name in the reference's layout.
  static func ownName(_ name: String, adapter: String) -> String {
    var own = Substring(name)
    for prefix in ["base_model.model.", "deberta."] where own.hasPrefix(prefix) { own = own.dropFirst(prefix.count) }
    for factor in ["lora_A", "lora_B"] where own.hasSuffix(".\(factor).weight") {
      return own.dropLast("\(factor).weight".count) + "loras.\(adapter).\(factor)"
    }
    return String(own)
  }

  /// The settings of LoRA that say the same; which places have tensors is read from their names.
  private static func settings(
    _ fields: ConfigurationFields, tensors: [String], layers: Int
  ) throws(ConfigurationError) -> ConfigurationFields {
    try refuse(fields)
    guard let rank = try fields.integer("r", in: 1...1 << 16) else { throw .missing(key: "r", file: fields.file) }
    let alpha = try fields.number("lora_alpha") ?? 8
    let isRankStabilized = try fields.bool("use_rslora") ?? false
    func isAdapted(_ module: String) -> Bool { tensors.contains { $0.hasSuffix(".\(module).lora_A.weight") } }
    let matrices = [("q", "query_proj"), ("k", "key_proj"), ("v", "value_proj")].filter { isAdapted($0.1) }
    let empty = (0..<layers).filter { layer in !tensors.contains { $0.contains("encoder.layer.\(layer).") } }
    let output = tensors.contains {
      $0.hasSuffix(".output.dense.lora_A.weight") && !$0.hasSuffix(".attention.output.dense.lora_A.weight")
    }
    let members: [String: JSONValue] = [
      "architecture": .string("lora"), "r": .integer(rank),
      // The reference divides by r; rank-stabilised LoRA by its root.
      "alpha": .number(isRankStabilized ? alpha * Double(rank).squareRoot() : alpha),
      "dropout": .number(try fields.number("lora_dropout") ?? 0), "selfattn_lora": .bool(!matrices.isEmpty),
      "attn_matrices": .array(matrices.map { .string($0.0) }),
      "intermediate_lora": .bool(isAdapted("intermediate.dense")), "output_lora": .bool(output),
      "leave_out": .array(empty.map { .integer($0) }),
    ]
    return try ConfigurationFields(.object(members), file: fields.file)
  }

  /// - Throws: `ConfigurationError.impossible` for what has no counterpart.
  private static func refuse(_ fields: ConfigurationFields) throws(ConfigurationError) {
    if let type = try fields.string("peft_type"), type != "LORA" {
      throw fields.impossible("peft_type", "'\(type)'", "'LORA'")
    }
    for key in ["use_dora", "lora_bias", "fan_in_fan_out"] where try fields.bool(key) ?? false {
      throw fields.impossible(key, "true", "false")
    }
    for key in ["rank_pattern", "alpha_pattern"] {
      if let pattern = try fields.object(key), !pattern.members.isEmpty {
        throw fields.impossible(key, "an object with members", "one rank and scale for all places")
      }
    }
    if let bias = try fields.string("bias"), bias != "none" { throw fields.impossible("bias", "'\(bias)'", "'none'") }
  }
}
