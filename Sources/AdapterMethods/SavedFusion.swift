public import Checkpoints
public import Deberta
public import Tensors

/// A fusion folder of `adapters`: `adapter_fusion_config.json` with `model_adapter_fusion.safetensors` or
/// `pytorch_model_adapter_fusion.bin`.
///
/// Tensors are named `deberta.PLACE.adapter_fusion_layer.NAME.MEMBER`. Source:
/// adapters, `loading.py`, `AdapterFusionLoader`.
public enum SavedFusion {
  public static let configurationFile = "adapter_fusion_config.json"
  public static let weightFiles = ["model_adapter_fusion.safetensors", "pytorch_model_adapter_fusion.bin"]

  /// Reads a folder.
  ///
  /// - Throws: `ConfigurationError`, if a setting is invalid or the fusion was made for another model;
  ///   `CheckpointError`, if a file is missing or broken, or a tensor is missing, unused or has the wrong shape.
  public static func read(
    _ folder: String, for shape: DebertaV2Configuration
  ) throws -> (name: String, fusion: AdapterFusion) {
    let file = folder + "/" + configurationFile
    let fields = try ConfigurationFields(path: file)
    try SavedFolder.check(fields, family: shape.family, hiddenSize: shape.hiddenSize)
    guard let name = try fields.string("name") else { throw ConfigurationError.missing(key: "name", file: file) }
    guard let configuration = try fields.object("config") else {
      throw ConfigurationError.missing(key: "config", file: file)
    }
    let adapters = try fields.strings("adapter_names") ?? name.split(separator: ",").map(String.init)
    let settings = try FusionSettings(configuration)
    let weights = try TensorFile.first(of: weightFiles, in: folder)
    let ledger = WeightLedger(weights, rename: LegacyConfiguration.tensorName)
    let fusion = try fusion(named: name, of: adapters, settings, in: ledger, for: shape)
    // `adapters` saves every fusion whose name has the same prefix.
    try ledger.finish { $0.contains(".adapter_fusion_layer.\(name),") }
    return (name, fusion)
  }

  /// Reads a fusion's tensors from a larger set.
  ///
  /// - Parameters:
  ///   - name: the fusion's name in the tensor names.
  ///   - adapters: the adapters that it fuses.
  ///   - settings: its projections.
  ///   - ledger: tensors by their names below `deberta.`
  ///   - shape: the model's shape.
  /// - Throws: `CheckpointError`.
  public static func fusion(
    named name: String, of adapters: [String], _ settings: FusionSettings, in ledger: WeightLedger,
    for shape: DebertaV2Configuration
  ) throws(CheckpointError) -> AdapterFusion {
    let places = FusionPlace.all(settings, shape).filter { $0.specs.contains { ledger.contains($0.key(name)) } }
    if places.isEmpty {
      throw .missingTensor(name: "adapter_fusion_layer.\(name)", file: ledger.source, nearest: [])
    }
    var tensors: [String: Tensor] = [:]
    for spec in places.flatMap(\.specs) {
      tensors[spec.id] = try ledger.tensor(spec.key(name), shape: spec.shape)
    }
    let parameters = AdapterParameters(places.flatMap(\.specs), tensors)
    return AdapterFusion(settings: settings, adapters: adapters, places: places, parameters: parameters)
  }

  /// Writes a folder that `adapters` can load; the folder must exist.
  ///
  /// - Throws: `CheckpointError`, if a file cannot be written.
  public static func write(
    _ fusion: AdapterFusion, named name: String, modelName: String, for shape: DebertaV2Configuration,
    metadata: [String: JSONValue] = [:], to folder: String, as format: WeightFormat = .safetensors
  ) throws(CheckpointError) {
    try format.write(fusion.parameters.outgoing(named: name), as: weightFiles, to: folder)
    let description = SavedFolder.description(
      name: name, modelName: modelName, family: shape.family, hiddenSize: shape.hiddenSize,
      configuration: .object(fusion.settings.settings), others: metadata)
    guard case .object(var members) = description else { return }
    members["adapter_names"] = .array(fusion.adapters.map { .string($0) })
    try JSONValue.object(members).write(to: folder + "/" + configurationFile)
  }
}
