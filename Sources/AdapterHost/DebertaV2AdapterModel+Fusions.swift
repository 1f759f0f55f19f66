public import AdapterMethods
public import Checkpoints
internal import Deberta
internal import Heads
internal import Model
internal import Tensors

extension DebertaV2AdapterModel {
  /// The names of the fusions: by default their adapters' names, joined with commas.
  public var fusionNames: [String] { fusions.keys.sorted() }

  /// Adds a newly initialized fusion of loaded adapters.
  ///
  /// - Parameters:
  ///   - names: bottleneck adapters, in the order of their Fuse block.
  ///   - fusionName: the fusion's name; nil: its adapters' names, joined with commas. `Fuse(a, b, name=f)` is the block
  ///     for a fusion with a custom name.
  ///   - settings: the fusion's projections.
  ///   - overwrite: whether to replace the fusion with this name.
  ///   - setActive: whether to make the Fuse block of these adapters the active setup.
  ///   - seed: makes the random values reproducible.
  /// - Throws: `CompositionError.unknownAdapter`; `ModelError.exists`.
  public mutating func addAdapterFusion(
    _ names: [String], named fusionName: String? = nil, _ settings: FusionSettings = .dynamic, overwrite: Bool = false,
    setActive: Bool = false, seed: UInt64 = 0
  ) throws {
    let name = fusionName ?? AdapterFusion.name(of: names)
    if !overwrite, fusions[name] != nil { throw ModelError.exists(kind: "fusion", name: name) }
    let members = try names.map { name in
      guard let adapter = adapters[name] else { throw unknown(adapter: name) }
      return (name, adapter)
    }
    replaceFusion(name, AdapterFusion(settings, of: members, for: baseEncoder, seed: seed))
    if setActive { try setActiveAdapters(.fuse(names.map { .adapter($0) }, name: fusionName)) }
  }

  /// Replaces the fusion with this name.
  mutating func replaceFusion(_ name: String, _ fusion: AdapterFusion) {
    fusions[name] = fusion
    bound.bind(BoundFusion(fusion, named: name, on: Pass(compute)), named: name)
  }

  /// Loads a fusion folder, and the head in it, which follows the fusion.
  ///
  /// - Parameters:
  ///   - folder: a saved fusion.
  ///   - name: its adapters' names in this model, joined with commas; nil: as saved.
  ///   - withHead: whether to load a head in the folder.
  ///   - headName: the head's name; nil: the fusion's name if that is given, else as saved.
  ///   - setActive: whether to make the Fuse block of its adapters, which must be loaded, the active setup.
  /// - Returns: the fusion's name in this model.
  @discardableResult
  public mutating func loadAdapterFusion(
    _ folder: String, as name: String? = nil, withHead: Bool = true, headAs headName: String? = nil,
    setActive: Bool = false
  ) throws -> String {
    let (savedName, fusion) = try SavedFusion.read(folder, for: configuration)
    let head = try withHead && SavedHead.exists(in: folder) ? headReader.head(in: folder) : nil
    let fusionName = name ?? savedName
    if setActive { for name in fusion.adapters where adapters[name] == nil { throw unknown(adapter: name) } }
    replaceFusion(fusionName, fusion)
    if let head {
      let headName = headName ?? name ?? head.name ?? fusionName
      heads[headName] = head.head
      setHead(headName, ofFusion: fusionName)
    }
    if setActive {
      let isNamed = fusionName != AdapterFusion.name(of: fusion.adapters)
      try setActiveAdapters(.fuse(fusion.adapters.map { .adapter($0) }, name: isNamed ? fusionName : nil))
    }
    return fusionName
  }

  /// The name of the head that follows an adapter or a fusion: the head of the same name; for a fusion otherwise the
  /// one that was loaded or trained with it.
  public func head(following name: String) -> String? { bound.head(following: name) }

  /// Sets the head that follows a fusion.
  mutating func setHead(_ head: String, ofFusion name: String) {
    bound.headsOfFusions[name] = head == name ? nil : head
  }

  /// The fusion with this name: by default its adapters' names, joined with commas.
  public func fusion(_ name: String) -> AdapterFusion? { fusions[name] }

  /// Saves a fusion, and the head that follows it, in the format of `adapters`.
  ///
  /// - Parameters:
  ///   - name: the name of a loaded fusion.
  ///   - folder: the folder, created unless it exists.
  ///   - withHead: whether to save the head that follows it, too.
  ///   - headName: another head to save with it.
  ///   - metadata: additional members of `adapter_fusion_config.json`.
  ///   - format: the file format of the weights.
  public func saveAdapterFusion(
    _ name: String, to folder: String, withHead: Bool = true, head headName: String? = nil,
    metadata: [String: JSONValue] = [:], as format: WeightFormat = .safetensors
  ) throws {
    if let headName, heads[headName] == nil { throw unknown(head: headName) }
    guard let fusion = fusions[name] else {
      throw CompositionError.unknownFusion(name: name, nearest: fusionNames)
    }
    try Folders.create(folder)
    try SavedFusion.write(
      fusion, named: name, modelName: self.name, for: configuration, metadata: metadata, to: folder, as: format)
    if withHead, let head = headName ?? head(following: name) { try saveHead(head, to: folder, as: format) }
  }

  /// Removes a fusion.
  public mutating func deleteAdapterFusion(_ name: String) throws {
    guard fusions[name] != nil else { throw CompositionError.unknownFusion(name: name, nearest: fusionNames) }
    fusions[name] = nil
    bound.bind(nil as BoundFusion?, named: name)
    bound.headsOfFusions[name] = nil
  }
}
