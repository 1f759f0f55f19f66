public import AdapterMethods
public import Checkpoints
internal import Files
internal import Heads
internal import Model

// Several parts of a model in one folder, a subfolder for each; and setups with all that they name.

extension DebertaV2AdapterModel {
  /// Saves every adapter, and the head of its name, into a subfolder of its name.
  ///
  /// Each configuration gets the member `config_id`, as the reference writes it.
  /// - Parameters:
  ///   - folder: is made, where it is not there.
  ///   - withHeads: whether heads are saved, too.
  ///   - metadata: members that each `adapter_config.json` gets besides those that it has.
  ///   - format: the files that the weights go to.
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

  /// Saves every fusion, and the head that follows it, into a subfolder of its name.
  public func saveAllAdapterFusions(
    to folder: String, withHeads: Bool = true, metadata: [String: JSONValue] = [:],
    as format: WeightFormat = .safetensors
  ) throws {
    for name in fusionNames {
      try saveAdapterFusion(name, to: "\(folder)/\(name)", withHead: withHeads, metadata: metadata, as: format)
    }
  }

  /// Saves every head into a subfolder of its name.
  public func saveAllHeads(to folder: String, as format: WeightFormat = .safetensors) throws {
    for name in headNames { try saveHead(name, to: "\(folder)/\(name)", as: format) }
  }

  // MARK: Setups

  /// Saves a composition with the adapters and fusions that it names, and heads: `adapter_setup.json`, and a subfolder
  /// for each of them, as `save_adapter_setup` does. The folder is wholly there or not at all.
  ///
  /// Fusions anywhere in the composition are saved; the reference misses those in the blocks of blocks.
  /// - Parameters:
  ///   - composition: what acts.
  ///   - names: the heads that answer, in order; nil: none are saved but those of the adapters' names.
  ///   - folder: new or empty.
  ///   - format: the files that the weights go to.
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

  /// Loads what a folder of `save_adapter_setup` holds: its adapters, fusions and heads, under their own names.
  ///
  /// - Parameters:
  ///   - folder: of a setup.
  ///   - overwrite: replaces adapters and heads of the same names.
  ///   - setActive: makes the composition active, and the heads that it was saved with.
  /// - Returns: the composition, and the heads that answer; nil if none were saved.
  /// - Throws: what reading the parts throws; the model is unchanged then.
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
