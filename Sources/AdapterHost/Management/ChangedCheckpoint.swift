internal import Checkpoints
internal import Foundation
internal import Heads
internal import Tokenization

extension CheckpointFolder {
  /// Writes this checkpoint with some tensors and the head replaced; all tensors become float32, and the tokenizer's
  /// files are copied. Adapters, fusions and heads saved in it by `adapters` are omitted.
  ///
  /// - Parameters:
  ///   - changes: values by tensor name below `deberta.`
  ///   - head: the new head; nil keeps the existing one, including a separate head file.
  ///   - folder: the destination, which must exist.
  func write(replacing changes: [String: [Float]], head: ClassHead?, to folder: String) throws {
    var tensors = try encoderTensors(changes, without: head)
    tensors += head?.tensors ?? []
    try Safetensors.write(tensors, metadata: ["format": "pt"], to: folder + "/model.safetensors")
    try configuration(with: head).write(to: folder + "/config.json")
    for file in AutoTokenizer.files + (head == nil ? SavedHead.files : [])
    where FileManager.default.fileExists(atPath: "\(path)/\(file)") {
      try AtomicFile.write(AtomicFile.read("\(path)/\(file)"), to: "\(folder)/\(file)")
    }
  }

  /// Every model tensor; position ids are omitted because loaders recompute them.
  ///
  /// If there is a head, transformers expects the encoder below `deberta.`
  private func encoderTensors(_ changes: [String: [Float]], without head: ClassHead?) throws -> [OutgoingTensor] {
    let isWhole = isWhole
    return try weights.tensors.compactMap { stored in
      let own = EncoderLayout.ownName(stored.name)
      let isOfEncoder = own.hasPrefix("embeddings.") || own.hasPrefix("encoder.")
      if own.hasSuffix("position_ids") || head?.replaces(own) == true { return nil }
      if isWhole, WholeModel.isAdded(own) { return nil }
      return OutgoingTensor(
        // No transformers class recognizes Microsoft's older prefix.
        name: isOfEncoder && (head != nil || stored.name.hasPrefix("bert."))
          ? EncoderLayout.storedName(own) : stored.name, shape: stored.shape,
        values: try changes[own] ?? stored.floats())
    }
  }

  private var isWhole: Bool { (try? WholeModel(configurationFields)) != nil }

  private var configurationFields: ConfigurationFields {
    get throws {
      let file = path + "/config.json"
      return try ConfigurationFields(JSONValue(configuration, file: file), file: file)
    }
  }

  /// The configuration with the head's members and the written number type.
  private func configuration(with head: ClassHead?) throws -> JSONValue {
    var members = try configurationFields.members
    for key in ["torch_dtype", "dtype"] where members[key] != nil { members[key] = .string("float32") }
    for key in WholeModel.keys { members[key] = nil }
    for (key, value) in head?.configuration ?? [:] { members[key] = value == .null ? nil : value }
    return .object(members)
  }
}
