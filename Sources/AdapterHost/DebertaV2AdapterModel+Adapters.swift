public import AdapterMethods
public import Checkpoints
internal import Deberta
internal import Files
internal import Heads
internal import Model
internal import Tensors

extension DebertaV2AdapterModel {
  /// The names of the loaded adapters.
  public var adapterNames: [String] { adapters.keys.sorted() }

  /// Messages about settings of the configuration and the loaded adapters that have no effect.
  public var warnings: [String] {
    configuration.warnings
      + adapters.sorted { $0.key < $1.key }.flatMap { name, adapter in
        adapter.method.notices.map { "The adapter '\(name)': \($0)" }
      }
  }

  /// A loaded adapter.
  public func adapter(_ name: String) -> Adapter? { adapters[name] }

  /// Adds a newly initialized adapter.
  ///
  /// - Parameters:
  ///   - name: the adapter's name.
  ///   - text: a preset with changes, such as `seq_bn[reduction_factor=8]` or `lora`; or the path of a JSON
  ///     configuration file, which may nest it under `config`.
  ///   - overwrite: whether to replace an adapter with this name.
  ///   - setActive: whether to make it the active adapter.
  ///   - seed: makes the random values reproducible.
  /// - Throws: `ModelError.exists`, `ConfigurationError`.
  public mutating func addAdapter(
    _ name: String, configuration text: String = "seq_bn", overwrite: Bool = false, setActive: Bool = false,
    seed: UInt64 = 0
  ) throws {
    try addAdapter(
      name, method: catalog.method(named: text), overwrite: overwrite, setActive: setActive, seed: seed)
  }

  /// Adds a newly initialized adapter with the members of a configuration, as a saved adapter has them under `config`.
  public mutating func addAdapter(
    _ name: String, settings: [String: JSONValue], overwrite: Bool = false, setActive: Bool = false, seed: UInt64 = 0
  ) throws {
    let fields = try ConfigurationFields(.object(settings), file: "the configuration of '\(name)'")
    try addAdapter(name, method: catalog.method(fields), overwrite: overwrite, setActive: setActive, seed: seed)
  }

  /// Adds a newly initialized adapter of a method.
  public mutating func addAdapter(
    _ name: String, method: any AdapterMethod, overwrite: Bool = false, setActive: Bool = false, seed: UInt64 = 0
  ) throws {
    try add(Adapter(method, for: baseEncoder, seed: seed), named: name, overwrite: overwrite)
    if setActive { try setActiveAdapters(.adapter(name)) }
  }

  /// Loads an adapter folder, and the head in it.
  ///
  /// - Parameters:
  ///   - folder: a saved adapter, of `adapters` or PEFT.
  ///   - name: the name to use; nil: as saved.
  ///   - withHead: whether to load a head in the folder, under the adapter's name.
  ///   - leaveOut: layers without modules, in addition to those left out by the settings.
  ///   - labels: names for the head's outputs that replace the saved ones (`id2label`).
  ///   - overwrite: whether to replace an adapter with this name.
  ///   - setActive: whether to make it the active adapter.
  /// - Returns: the adapter's name in this model.
  @discardableResult
  public mutating func loadAdapter(
    _ folder: String, as name: String? = nil, withHead: Bool = true, leaveOut: Set<Int> = [],
    labels: [String]? = nil, overwrite: Bool = false, setActive: Bool = false
  ) throws -> String {
    let (savedName, adapter) = try SavedAdapter.read(folder, for: configuration, catalog: catalog)
    let name = name ?? savedName
    if !overwrite, adapters[name] != nil { throw ModelError.exists(kind: "adapter", name: name) }
    var head = try withHead ? headReader.head(besideAdapterIn: folder) : nil
    if let labels {
      guard let own = head else { throw ModelError.noHeadForLabels(folder: folder) }
      head = try own.naming(labels)
    }
    try add(adapter.leavingOut(leaveOut, for: configuration), named: name, overwrite: true)
    if let head { heads[name] = head }
    if setActive { try setActiveAdapters(.adapter(name)) }
    return name
  }

  /// Saves an adapter, and the head with its name, in the format of `adapters`.
  ///
  /// - Parameters:
  ///   - name: the name of a loaded adapter.
  ///   - folder: the folder, created unless it exists.
  ///   - withHead: whether to save the head with its name, too.
  ///   - metadata: additional members of `adapter_config.json` (`meta_dict`).
  ///   - format: the file format of the weights.
  public func saveAdapter(
    _ name: String, to folder: String, withHead: Bool = true, metadata: [String: JSONValue] = [:],
    as format: WeightFormat = .safetensors
  ) throws {
    guard let adapter = adapters[name] else { throw unknown(adapter: name) }
    try Folders.create(folder)
    try SavedAdapter.write(
      adapter, named: name, modelName: self.name, for: configuration, metadata: metadata, to: folder, as: format)
    if withHead, heads[name] != nil { try saveHead(name, to: folder, as: format) }
  }

  /// Replaces the adapter with this name.
  mutating func replaceAdapter(_ name: String, _ adapter: Adapter) throws {
    try add(adapter, named: name, overwrite: true)
  }

  /// Removes an adapter; its head is kept.
  public mutating func deleteAdapter(_ name: String) throws {
    guard adapters[name] != nil else { throw unknown(adapter: name) }
    if mergedAdapter == name { resetAdapter() }
    adapters[name] = nil
    bound.bind(nil as BoundAdapter?, named: name)
    if activeAdapters?.adapters.contains(name) == true { activeAdapters = nil }
  }

  mutating func add(_ adapter: Adapter, named name: String, overwrite: Bool) throws {
    if !overwrite, adapters[name] != nil { throw ModelError.exists(kind: "adapter", name: name) }
    let adapter = try adapter.method.converted(adapter.parameters, for: baseEncoder) ?? adapter
    bound.bind(try bind(adapter, named: name, in: bound.encoder), named: name)
    adapters[name] = adapter
  }

  func bind(_ adapter: Adapter, named name: String, in encoder: Encoder) throws -> BoundAdapter {
    try BoundAdapter(adapter, named: name, in: encoder, skippingLayers: skippedLayers, on: Pass(compute))
  }

  /// Loaded adapters with their names.
  ///
  /// - Throws: `CompositionError.unknownAdapter`.
  func loaded(_ names: [String]) throws -> [(name: String, adapter: Adapter)] {
    try names.map { name in
      guard let adapter = adapter(name) else { throw unknown(adapter: name) }
      return (name, adapter)
    }
  }

  func unknown(adapter name: String) -> CompositionError {
    .unknownAdapter(name: name, nearest: NearestNames.of(name, in: adapterNames, limit: 2))
  }
}
