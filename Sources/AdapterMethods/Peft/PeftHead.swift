internal import Checkpoints
public import Tensors

extension PeftFolder {
  /// A head stored in a PEFT folder through `modules_to_save`.
  public struct Head {
    public let folder: String
    /// PEFT's task type: `SEQ_CLS`, `TOKEN_CLS`, `QUESTION_ANS`.
    public let task: String?
    /// The head's tensors, by transformers' names.
    public let weights: WeightReader
  }

  /// Whether `modules_to_save` saves this tensor, named as in transformers, as part of a head.
  public static func isOfHead(_ name: String) -> Bool {
    ["pooler.dense", "classifier", "qa_outputs", "score"].contains { name == $0 + ".weight" || name == $0 + ".bias" }
  }

  /// The head in a folder; nil for a folder without one, or of another format.
  public static func head(in folder: String, _ compute: Compute) throws -> Head? {
    let fields = try ConfigurationFields(path: folder + "/" + SavedAdapter.configurationFile)
    guard isDescribed(by: fields) else { return nil }
    let file = try TensorFile.first(of: weightFiles, in: folder)
    let ledger = WeightLedger(file) { stored in
      let name = ownName(stored)
      return isOfHead(name) ? name : nil
    }
    // Biases alone replace those of any head.
    guard ledger.unused.contains(where: { $0.hasSuffix(".weight") }) else { return nil }
    return Head(folder: folder, task: try fields.string("task_type"), weights: WeightReader(ledger, compute))
  }
}
