internal import Checkpoints
public import Tensors

extension PeftFolder {
  /// The head that a folder of PEFT brings along: what `modules_to_save` saved.
  public struct Head {
    /// PEFT's word for the kind of task: `SEQ_CLS`, `TOKEN_CLS`, `QUESTION_ANS`.
    public let task: String?
    /// The head's tensors, by transformers' names.
    public let weights: WeightReader
  }

  /// The head in a folder; nil for a folder without one, or of another kind.
  public static func head(in folder: String, _ compute: Compute) throws -> Head? {
    let fields = try ConfigurationFields(path: folder + "/" + SavedAdapter.configurationFile)
    guard isDescribed(by: fields) else { return nil }
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let ledger = WeightLedger(file) { stored in
      let name = ownName(stored, adapter: "")
      return headModules.contains { name.hasPrefix($0) } ? name : nil
    }
    guard !ledger.unused.isEmpty else { return nil }
    return Head(task: try fields.string("task_type"), weights: WeightReader(ledger, compute))
  }
}
