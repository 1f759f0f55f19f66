internal import AdapterMethods
public import Checkpoints
internal import Heads

extension DebertaV2AdapterModel {
  /// Saves LoRA to a folder that is new or empty, as PEFT loads it. The folder is wholly there or not at all.
  ///
  /// The head of the adapter's name is saved with it if transformers makes the same head of this base model's
  /// configuration: a folder of PEFT cannot change that.
  ///
  /// - Parameters:
  ///   - name: a loaded adapter.
  ///   - base: the base model's folder.
  ///   - folder: where it goes.
  ///   - format: in which files the tensors are stored.
  /// - Returns: whether the folder holds a head.
  /// - Throws: `PeftError` for a method that PEFT does not have; `WorkspaceError.folderInUse`, `CheckpointError`.
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

  /// A head as PEFT saves it beside an adapter; nil for one that transformers would not make of the base model.
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
