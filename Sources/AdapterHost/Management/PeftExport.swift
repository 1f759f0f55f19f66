internal import AdapterMethods
public import Checkpoints
internal import Heads

extension DebertaV2AdapterModel {
  /// Saves an adapter to a new or empty folder in the format of PEFT. The folder is written completely or not at all.
  ///
  /// The head with the adapter's name is included if transformers creates the same head from this base model's
  /// configuration, which a PEFT folder cannot change.
  ///
  /// - Parameters:
  ///   - name: the name of a loaded adapter.
  ///   - base: the base model's folder.
  ///   - folder: the destination.
  ///   - format: the file format of the tensors.
  /// - Returns: whether the folder includes a head.
  /// - Throws: `PeftError` for a method that PEFT does not support; `WorkspaceError.folderInUse`, `CheckpointError`.
  public func exportPeft(
    _ name: String, base: String, to folder: String, as format: WeightFormat = .safetensors
  ) throws -> Bool {
    guard let adapter = adapter(name) else { throw unknown(adapter: name) }
    let (json, file) = try CheckpointFolder.readConfiguration(base)
    let fields = try ConfigurationFields(JSONValue(json, file: file), file: file)
    let head = try head(name).flatMap { try peftHead($0, fields) }
    try NewFolder.write(folder) { folder in
      try PeftFolder.write(adapter, base: base, head: head, for: configuration, to: folder, as: format)
    }
    return head != nil
  }

  /// A head for a PEFT folder; nil if transformers would not create it from the base model.
  private func peftHead(_ head: PredictionHead, _ base: ConfigurationFields) throws -> PeftFolder.SavedHead? {
    let tasks = [
      "SequenceClassification": "SEQ_CLS", "TokenClassification": "TOKEN_CLS", "QuestionAnswering": "QUESTION_ANS",
    ]
    guard let saved = classHead(head, words: nil),
      let task = tasks[String(saved.className.dropFirst(configuration.family.classPrefix.count + 3))]
    else { return nil }
    if task == "SEQ_CLS" {
      let activation = try base.string("pooler_hidden_act") ?? "gelu"
      guard saved.configuration["pooler_hidden_act"] == .string(activation),
        try base.outputMeaning(outputs: head.settings.outputs) == head.settings.meaning
      else { return nil }
    }
    return PeftFolder.SavedHead(task: task, tensors: saved.tensors)
  }
}
