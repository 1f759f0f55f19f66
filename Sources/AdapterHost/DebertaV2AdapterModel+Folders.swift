public import AdapterMethods
public import Checkpoints
internal import Files
internal import Heads
internal import Model

// Several parts of a model in one folder, one subfolder each; and setups with all their parts.

extension DebertaV2AdapterModel {
  /// Saves every adapter, with the head of the same name, to a subfolder with its name.
  ///
  /// Each configuration gets the member `config_id`, as `adapters` writes it.
  /// - Parameters:
  ///   - folder: the folder, created unless it exists.
  ///   - withHeads: whether to save heads, too.
  ///   - metadata: additional members of each `adapter_config.json`.
  ///   - format: the file format of the weights.
  public func saveAllAdapters(
    to folder: String, withHeads: Bool = true, metadata: [String: JSONValue] = [:],
    as format: WeightFormat = .safetensors
  ) throws {
    for name in adapterNames {
      guard let method = adapter(name)?.method else { continue }
      let isPeft = method.settings["peft_type"] != nil
      let own = isPeft ? metadata : metadata.merging(["config_id": .string(method.configurationID)]) { $1 }
      try saveAdapter(name, to: "\(folder)/\(name)", withHead: withHeads, metadata: own, as: format)
    }
  }

  /// Saves every fusion, with the head that follows it, to a subfolder with its name.
  public func saveAllAdapterFusions(
    to folder: String, withHeads: Bool = true, metadata: [String: JSONValue] = [:],
    as format: WeightFormat = .safetensors
  ) throws {
    for name in fusionNames {
      try saveAdapterFusion(name, to: "\(folder)/\(name)", withHead: withHeads, metadata: metadata, as: format)
    }
  }

  /// Saves every head to a subfolder with its name.
  public func saveAllHeads(to folder: String, as format: WeightFormat = .safetensors) throws {
    for name in headNames { try saveHead(name, to: "\(folder)/\(name)", as: format) }
  }

  // MARK: Setups

  /// Saves a composition with its adapters, fusions and heads: `adapter_setup.json`, and a subfolder for each of them,
  /// like `save_adapter_setup`.
  ///
  /// The folder is written completely or not at all.
  ///
  /// Fusions at any depth of the composition are saved; `adapters` omits those in nested blocks.
  /// - Parameters:
  ///   - composition: the composition to save.
  ///   - names: the answering heads, in order; nil: only heads named after the adapters are saved.
  ///   - folder: new or empty.
  ///   - format: the file format of the weights.
  /// - Throws: `CompositionError`, `ModelError` for what is not loaded; `CheckpointError`.
  public func saveAdapterSetup(
    _ composition: Composition, heads names: [String]? = nil, to folder: String,
    as format: WeightFormat = .safetensors
  ) throws {
    for name in composition.adapters where adapter(name) == nil { throw unknown(adapter: name) }
    for name in names ?? [] where head(name) == nil { throw unknown(head: name) }
    try NewFolder.write(folder) { folder in
      for name in composition.adapters { try saveAdapter(name, to: "\(folder)/\(name)", as: format) }
      for fusion in composition.fusions {
        try saveAdapterFusion(fusion.name, to: "\(folder)/\(fusion.name)", withHead: false, as: format)
      }
      for name in names ?? [] { try saveHead(name, to: "\(folder)/\(name)", as: format) }
      try SavedSetup(composition, heads: names).write(to: folder)
    }
  }

  /// Loads a folder written by `save_adapter_setup`: its adapters, fusions and heads, under their saved names.
  ///
  /// - Parameters:
  ///   - folder: the folder of a setup.
  ///   - overwrite: whether to replace adapters and heads with the same names.
  ///   - setActive: whether to activate the composition and the heads saved with it.
  /// - Returns: the composition, and its heads; nil if none were saved.
  /// - Throws: the errors of reading the parts; the model is then unchanged.
  @discardableResult
  public mutating func loadAdapterSetup(
    _ folder: String, overwrite: Bool = false, setActive: Bool = false
  ) throws -> (composition: Composition, heads: [String]?) {
    let saved = try SavedSetup(folder: folder)
    var model = self
    for name in saved.composition.adapters {
      try model.loadAdapter("\(folder)/\(name)", as: name, overwrite: overwrite)
    }
    for fusion in saved.composition.fusions {
      try model.loadAdapterFusion("\(folder)/\(fusion.name)", as: fusion.name, withHead: false)
    }
    for name in saved.heads ?? [] where !saved.composition.adapters.contains(name) {
      if !overwrite, model.head(name) != nil { throw ModelError.exists(kind: "head", name: name) }
      try model.loadHead("\(folder)/\(name)", as: name)
    }
    for name in saved.heads ?? [] where model.head(name) == nil { throw model.unknown(head: name) }
    if setActive {
      try model.setActiveAdapters(saved.composition)
      model.activeHeads = saved.heads
    }
    self = model
    return (saved.composition, saved.heads)
  }
}
