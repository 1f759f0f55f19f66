public import Checkpoints
internal import Glibc
public import Tensors

/// A folder of the reference: `head_config.json` beside `model_head.safetensors` or `pytorch_model_head.bin`.
public enum SavedHead {
  public static let configurationFile = "head_config.json"
  public static let weightFiles = ["model_head.safetensors", "pytorch_model_head.bin"]

  /// The names of the files that a head may have.
  public static let files = [configurationFile] + weightFiles

  /// Whether a folder holds a head.
  public static func exists(in folder: String) -> Bool { access(folder + "/" + configurationFile, F_OK) == 0 }

  /// Reads a folder. Tensors of other heads, whose names start alike, are left: the reference saves them along.
  ///
  /// - Parameters:
  ///   - words: the model's word embeddings [vocabulary, E], to which a masked language model's decoder may be
  ///     tied.
  ///   - compute: what it computes with.
  ///   - hiddenSize: the model's.
  ///   - folder: where it is.
  ///   - layerNormEps: the model's.
  /// - Throws: `ConfigurationError` or `CheckpointError`, naming file, key or tensor.
  public static func read(
    _ folder: String, hiddenSize: Int, layerNormEps: Float, tiedTo words: WeightMatrix? = nil, _ compute: Compute
  ) throws -> (name: String, head: PredictionHead) {
    let file = folder + "/" + configurationFile
    let fields = try ConfigurationFields(path: file)
    try SavedFolder.check(fields, hiddenSize: hiddenSize)
    guard let name = try fields.string("name") else { throw ConfigurationError.missing(key: "name", file: file) }
    guard let configuration = try fields.object("config") else {
      throw ConfigurationError.missing(key: "config", file: file)
    }
    let ledger = WeightLedger(try TensorFile.first(of: weightFiles, in: folder))
    let head = try PredictionHead(
      HeadSettings(configuration), WeightReader(ledger, compute, scope: "heads.\(name)"), hiddenSize: hiddenSize,
      layerNormEps: layerNormEps, tiedTo: words)
    try ledger.finish { $0.hasPrefix("heads.") && !$0.hasPrefix("heads.\(name).") }
    return (name, head)
  }

  /// Writes a folder that the reference loads; the folder exists.
  public static func write(
    _ head: PredictionHead, named name: String, modelName: String, hiddenSize: Int, to folder: String,
    as format: WeightFormat = .safetensors, _ compute: Compute
  ) throws(CheckpointError) {
    let tensors = head.tensors(compute).map {
      OutgoingTensor(name: "heads.\(name).\($0.name)", shape: $0.shape, values: $0.values)
    }
    try format.write(tensors, as: weightFiles, to: folder)
    let description = SavedFolder.description(
      name: name, modelName: modelName, hiddenSize: hiddenSize, configuration: .object(head.settings.members))
    try description.write(to: folder + "/" + configurationFile)
  }
}
