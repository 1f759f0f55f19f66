internal import Checkpoints
public import Tensors

extension PeftFolder {
  /// The head that a folder of PEFT brings along: what `modules_to_save` saved.
  public struct Head {
    public let folder: String
    /// PEFT's word for the kind of task: `SEQ_CLS`, `TOKEN_CLS`, `QUESTION_ANS`.
    public let task: String?
    /// The head's tensors, by transformers' names.
    public let weights: WeightReader
  }

  /// Whether a tensor, by its name in transformers, is one that `modules_to_save` saves of a head.
  public static func isOfHead(_ name: String) -> Bool {
    ["pooler.dense", "classifier", "qa_outputs", "score"].contains { name == $0 + ".weight" || name == $0 + ".bias" }
  }

  /// The head in a folder; nil for a folder without one, or of another kind.
  public static func head(in folder: String, _ compute: Compute) throws -> Head? {
    let fields = try ConfigurationFields(path: folder + "/" + SavedAdapter.configurationFile)
    guard isDescribed(by: fields) else { return nil }
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let ledger = WeightLedger(file) { stored in
      let name = ownName(stored)
      return isOfHead(name) ? name : nil
    }
    // Biases alone are replaced in whichever head there is.
    guard ledger.unused.contains(where: { $0.hasSuffix(".weight") }) else { return nil }
    return Head(folder: folder, task: try fields.string("task_type"), weights: WeightReader(ledger, compute))
  }
}
