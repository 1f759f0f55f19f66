public import AdapterMethods
public import Checkpoints
internal import Deberta
internal import Heads
internal import Model
internal import Tensors

extension DebertaV2AdapterModel {
  /// The names of the fusions: their adapters' names, with commas between them.
  public var fusionNames: [String] { fusions.keys.sorted() }

  /// Adds a fresh fusion of loaded adapters.
  ///
  /// - Parameters:
  ///   - names: bottleneck adapters, in the order in which a Fuse names them.
  ///   - fusionName: what it is called; nil: its adapters' names, with commas between them. `Fuse(a, b, name=f)` is the
  ///     block of a fusion with a name of its own.
  ///   - settings: which projections it has.
  ///   - overwrite: replaces the one of this name.
  ///   - setActive: makes the Fuse of these adapters the active setup.
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

  /// Puts a fusion in place of the one of its name.
  mutating func replaceFusion(_ name: String, _ fusion: AdapterFusion) {
    fusions[name] = fusion
    bound.bind(BoundFusion(fusion, named: name, on: Pass(compute)), named: name)
  }

  /// Loads a fusion folder, and the head beside it, which follows the fusion.
  ///
  /// - Parameters:
  ///   - folder: a saved fusion.
  ///   - name: its adapters' names here, with commas between them; nil: as saved.
  ///   - withHead: whether a head in the folder is loaded.
  ///   - headName: what the head is called; nil: as the fusion, if that is given a name, or as saved.
  ///   - setActive: makes the Fuse of its adapters, which are loaded, the active setup.
  /// - Returns: the name that the fusion has now.
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

  /// The name of the head that follows an adapter or a fusion: the one of its name; for a fusion else the one that was
  /// loaded or trained with it.
  public func head(following name: String) -> String? { bound.head(following: name) }

  /// Lets a head follow a fusion.
  mutating func setHead(_ head: String, ofFusion name: String) {
    bound.headsOfFusions[name] = head == name ? nil : head
  }

  /// A fusion, by its adapters' names with commas between them.
  public func fusion(_ name: String) -> AdapterFusion? { fusions[name] }

  /// Saves a fusion, and the head that follows it, as the reference does.
  ///
  /// - Parameters:
  ///   - name: of a loaded fusion.
  ///   - folder: is made, where it is not there.
  ///   - withHead: whether the head that follows it is saved, too.
  ///   - headName: another head to save with it.
  ///   - metadata: members that `adapter_fusion_config.json` gets besides those that it has.
  ///   - format: the files that the weights go to.
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
