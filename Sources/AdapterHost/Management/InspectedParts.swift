internal import AdapterMethods
internal import Checkpoints
internal import DebertaV2
internal import Foundation
internal import Heads
internal import Tensors

/// How one kind of thing is found in a folder, and what is told about it.
struct PartReader: Sendable {
  /// The file that tells it is there.
  let configuration: String
  /// The files of its tensors.
  let weights: [String]
  /// Whether the configuration is of this kind.
  let isIn: @Sendable (String) -> Bool
  let read: @Sendable (String, Inspection.Base?) -> Inspection.Part

  /// Whether a file of the folder belongs to the part.
  func owns(_ name: String) -> Bool {
    name == configuration || weights.contains(name)
      || weights.contains("model.safetensors")
        && (name.hasPrefix("model-") || name.hasPrefix("pytorch_model-") || Self.tokenizer.contains(name))
  }

  private static let tokenizer = [
    "spm.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
  ]

  static let all = [
    PartReader(
      configuration: "config.json", weights: CheckpointFolder.weightNames, isIn: { _ in true },
      read: { folder, _ in CheckpointInspection(folder).part }),
    PartReader(
      configuration: "adapter_config.json", weights: ["adapter.safetensors", "pytorch_adapter.bin"],
      isIn: { !isPEFT($0) }, read: { AdapterInspection($0, $1).part }),
    PartReader(
      configuration: "adapter_config.json", weights: ["adapter_model.safetensors", "adapter_model.bin"],
      isIn: { isPEFT($0) },
      read: { folder, _ in peft(folder) }),
    PartReader(
      configuration: "head_config.json", weights: ["model_head.safetensors", "pytorch_model_head.bin"],
      isIn: { _ in true }, read: { folder, _ in HeadInspection(folder).part }),
    PartReader(
      configuration: "adapter_fusion_config.json",
      weights: ["model_adapter_fusion.safetensors", "pytorch_model_adapter_fusion.bin"], isIn: { _ in true },
      read: { folder, _ in fusion(folder) }),
  ]

  private static func isPEFT(_ folder: String) -> Bool {
    (try? ConfigurationFields(path: folder + "/adapter_config.json"))?.members["peft_type"] != nil
  }

  private static func peft(_ folder: String) -> Inspection.Part {
    listed(
      .peftAdapter, folder, "adapter_config.json", ["adapter_model.safetensors", "adapter_model.bin"],
      keys: [
        "peft_type", "base_model_name_or_path", "task_type", "r", "lora_alpha", "target_modules", "modules_to_save",
      ])
  }

  private static func fusion(_ folder: String) -> Inspection.Part {
    listed(
      .fusion, folder, "adapter_fusion_config.json",
      ["model_adapter_fusion.safetensors", "pytorch_model_adapter_fusion.bin"],
      keys: ["name", "model_name", "hidden_size", "version", "config"])
  }

  /// What a configuration and a file say, without trying them.
  private static func listed(
    _ kind: Inspection.Kind, _ folder: String, _ configuration: String, _ weights: [String], keys: [String]
  ) -> Inspection.Part {
    var facts: [Inspection.Fact] = []
    var tensors: [Inspection.Tensor] = []
    let problem = problem {
      let fields = try ConfigurationFields(path: "\(folder)/\(configuration)")
      facts = fields.facts(keys)
      tensors = try TensorFile.first(of: weights, in: folder).tensors.map { Inspection.Tensor($0, .unknown) }
    }
    return Inspection.Part(kind: kind, facts: facts, tensors: tensors, needs: [], problem: problem)
  }
}

/// What `body` throws, as a sentence.
func problem(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}

extension ConfigurationFields {
  /// Some members as facts; those that are missing, null or empty are left out.
  func facts(_ keys: [String]) -> [Inspection.Fact] {
    keys.compactMap { key in
      guard let value = members[key], value != .null, value != .string("") else { return nil }
      if case .string(let text) = value { return Inspection.Fact(name: key, value: text) }
      return Inspection.Fact(name: key, value: value.line)
    }
  }
}

extension Sequence<Inspection.Fact> {
  /// The value of a fact.
  func value(_ name: String) -> String? { first { $0.name == name }?.value }
}
