internal import Checkpoints
internal import Foundation
internal import Heads

extension CheckpointFolder {
  /// The files of a tokenizer, and of a head that lies beside a checkpoint: a new one gets them too.
  private static let companions =
    [
      "spm.model", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    ] + SavedHead.files

  /// Writes this checkpoint with other values in some tensors; all become float32, and the files of the
  /// tokenizer and of a head beside it come along.
  ///
  /// - Parameters:
  ///   - changes: values by the names of tensors below `deberta.`
  ///   - folder: exists.
  func write(replacing changes: [String: [Float]], to folder: String) throws {
    try Safetensors.write(tensors(changes), metadata: ["format": "pt"], to: folder + "/model.safetensors")
    try float32Configuration().write(to: folder + "/config.json")
    for file in Self.companions where FileManager.default.fileExists(atPath: "\(path)/\(file)") {
      try AtomicFile.write(AtomicFile.read("\(path)/\(file)"), to: "\(folder)/\(file)")
    }
  }

  /// Every tensor that holds numbers of a model; position ids are counted anew by whoever loads it.
  private func tensors(_ changes: [String: [Float]]) throws -> [OutgoingTensor] {
    try weights.tensors.filter { !$0.name.hasSuffix("position_ids") }.map { stored in
      let own = stored.name.hasPrefix("deberta.") ? String(stored.name.dropFirst("deberta.".count)) : stored.name
      return OutgoingTensor(name: stored.name, shape: stored.shape, values: try changes[own] ?? stored.floats())
    }
  }

  /// The configuration, with the type of the numbers as they are written.
  private func float32Configuration() throws -> JSONValue {
    let file = path + "/config.json"
    var members = try ConfigurationFields(JSONValue(configuration, file: file), file: file).members
    for key in ["torch_dtype", "dtype"] where members[key] != nil { members[key] = .string("float32") }
    return .object(members)
  }
}
