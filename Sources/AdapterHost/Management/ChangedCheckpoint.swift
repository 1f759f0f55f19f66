internal import Checkpoints
internal import Foundation
internal import Heads
internal import Tokenization

extension CheckpointFolder {
  /// Writes this checkpoint with other values in some tensors, and with another head; all become float32, and the
  /// tokenizer's files come along. Adapters, fusions and heads that `adapters` saved in it are left behind.
  ///
  /// - Parameters:
  ///   - changes: values by the names of tensors below `deberta.`
  ///   - head: the head that it gets; nil keeps its own, also one that lies beside it.
  ///   - folder: exists.
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

  /// Every tensor that holds numbers of the model; position ids are counted again by whoever loads it.
  ///
  /// Beside a head transformers looks for the encoder below `deberta.`
  private func encoderTensors(_ changes: [String: [Float]], without head: ClassHead?) throws -> [OutgoingTensor] {
    let isWhole = isWhole
    return try weights.tensors.compactMap { stored in
      let own = EncoderLayout.ownName(stored.name)
      let isOfEncoder = own.hasPrefix("embeddings.") || own.hasPrefix("encoder.")
      if own.hasSuffix("position_ids") || head?.replaces(own) == true { return nil }
      if isWhole, WholeModel.isAdded(own) { return nil }
      return OutgoingTensor(
        // No class of transformers looks for Microsoft's older prefix.
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

  /// The configuration, with the head's members and the type of the numbers as they are written.
  private func configuration(with head: ClassHead?) throws -> JSONValue {
    var members = try configurationFields.members
    for key in ["torch_dtype", "dtype"] where members[key] != nil { members[key] = .string("float32") }
    for key in WholeModel.keys { members[key] = nil }
    for (key, value) in head?.configuration ?? [:] { members[key] = value == .null ? nil : value }
    return .object(members)
  }
}
