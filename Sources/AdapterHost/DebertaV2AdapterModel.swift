public import AdapterMethods
public import Checkpoints
public import Deberta
internal import Files
internal import Foundation
public import Heads
internal import Model
public import Tensors

/// A DeBERTa encoder of any generation, with named adapters and named prediction heads.
///
/// The checkpoint's `model_type` says which generation it is. What differs is data of the encoder, so one type serves
/// all; `DebertaAdapterModel` and `AutoAdapterModel` are its other names.
///
/// A value: copies share weights, and `mutating` calls change one copy alone.
/// A constant model may be called from any number of tasks at once, each with
/// adapters of its own; equal calls give equal bits.
///
///     var model = try DebertaV2AdapterModel(folder: "Models/deberta-v3-tiny-en")
///     try model.loadAdapter("Adapters/debian-section", setActive: true)
///     let output = try model([[1, 309, 2]])
///     print(output.heads["debian-section"]!.logits.array)
///
/// Names and meanings follow `adapters.DebertaV2AdapterModel` of the Python library.
public struct DebertaV2AdapterModel: Sendable {
  public internal(set) var configuration: DebertaV2Configuration
  public let compute: Compute
  /// The methods that adapters can be of.
  public let catalog: MethodCatalog
  /// What it was made of.
  let source: ModelSource
  /// The model's name in what is saved: the last part of its folder.
  public var name: String { source.name }
  /// Reads heads that are made for this model.
  let headReader: HeadReader
  /// The checkpoint's own head.
  let staticHead: StaticHead?
  /// The tensors of a head in the checkpoint that make up no head that is known.
  private(set) var unreadHeadTensors: [String] = []
  /// As loaded, whatever is merged.
  private var base: Encoder
  /// The base with what is merged, and with the adapters, fusions and heads bound to it.
  private(set) var bound: BoundModel
  private var adapters: [String: Adapter] = [:]
  /// By their adapters' names, with commas between them.
  private var fusions: [String: AdapterFusion] = [:]
  /// The heads without what the merged adapter does to them; empty where it does nothing.
  private var unmergedHeads: [String: PredictionHead] = [:]
  /// The adapters that act when a call names none; nil is the base model.
  public private(set) var activeAdapters: Composition?
  /// The heads that answer when a call names none; nil: those that are named like the active adapters.
  public var activeHeads: [String]?
  /// What is trained.
  public internal(set) var training = TrainingChoice.everything
  /// The layers in which no adapter acts, set with the active adapters.
  public private(set) var skippedLayers: Set<Int> = []
  /// The adapter whose effect is in the weights.
  public var mergedAdapter: String? { bound.merged }
  /// Heads of an application's own.
  var customHeads: [String: any CustomHead] = [:]
  /// The tables of word embeddings that calls can use.
  var tables: EmbeddingTables
  /// The heads, by name.
  var heads: [String: PredictionHead] {
    get { bound.heads }
    set { bound.heads = newValue }
  }

  /// Loads a checkpoint folder of Hugging Face or Microsoft; a head that it carries becomes the head `default`.
  /// Adapters, fusions and heads that `save_pretrained` of an adapter model wrote into it have their own names.
  ///
  /// A head that lies beside the checkpoint, as the reference saves heads, comes before one among its tensors.
  ///
  /// - Parameters:
  ///   - folder: with `config.json` and the weights.
  ///   - compute: what passes compute with.
  ///   - catalog: the methods that adapters can be of; an application adds its own with `MethodCatalog.adding`.
  /// - Throws: `ConfigurationError` or `CheckpointError`, naming file, key or tensor.
  public init(folder: String, compute: Compute = Compute(), catalog: MethodCatalog = .standard) throws {
    let folder = try CheckpointFolder(path: folder)
    let shape = try DebertaV2Configuration(json: folder.configuration, file: folder.configurationFile)
    try self.init(ModelSource(folder), shape, compute, catalog)
    if SavedHead.exists(in: folder.path) { heads["default"] = try headReader.head(in: folder.path).head }
  }

  /// A fresh model: an encoder with random weights and no head.
  ///
  /// - Parameters:
  ///   - configuration: the members of a `config.json`; missing ones have transformers' defaults.
  ///   - name: what it is called in what is saved of it.
  ///   - seed: repeats the random values.
  ///   - compute: what passes compute with.
  ///   - catalog: the methods that adapters can be of.
  /// - Throws: `ConfigurationError`, naming the key.
  public init(
    configuration: [String: JSONValue], name: String = "model", seed: UInt64 = 0, compute: Compute = Compute(),
    catalog: MethodCatalog = .standard
  ) throws {
    let fields = try ConfigurationFields(.object(configuration), file: "the configuration of \(name)")
    let shape = try DebertaV2Configuration(
      json: Data(JSONValue.object(configuration).line.utf8), file: fields.file)
    let source = try ModelSource(fresh: fields, shape, name: name, seed: seed, compute)
    try self.init(source, shape, compute, catalog)
  }

  private init(
    _ source: ModelSource, _ shape: DebertaV2Configuration, _ compute: Compute, _ catalog: MethodCatalog
  ) throws {
    self.source = source
    self.catalog = catalog
    self.compute = compute
    configuration = shape
    let (ledger, fields) = (source.ledger, source.fields)
    let reader = WeightReader(ledger, compute)
    base = try Encoder(reader, configuration)
    bound = BoundModel(base)
    tables = EmbeddingTables(base.wordEmbeddings)
    headReader = try HeadReader(fields, configuration, weights: source.file, words: base.wordEmbeddings, compute)
    staticHead = try StaticHead(fields, in: ledger, hiddenSize: configuration.hiddenSize)
    heads["default"] = try staticHead?.read(reader, configuration, words: base.wordEmbeddings)
    let whole = try WholeModel(fields)
    for (name, adapter) in try whole?.readAdapters(ledger, configuration, catalog) ?? [] {
      try add(adapter, named: name, overwrite: true)
    }
    for (name, fusion) in try whole?.readFusions(ledger, configuration) ?? [] { replaceFusion(name, fusion) }
    let words = headReader.tiesWords ? base.wordEmbeddings : nil
    for (name, head) in try whole?.readHeads(ledger, configuration, tiedTo: words, compute) ?? [] {
      heads[name] = try headReader.pooled(head)
    }
    unreadHeadTensors = staticHead == nil ? ledger.unused.filter(StaticHead.isOfHead) : []
    try ledger.finish(knowing: Encoder.isKnownUnused)
  }

  // MARK: Adapters

  /// The names of the loaded adapters.
  public var adapterNames: [String] { adapters.keys.sorted() }

  /// What the configuration and loaded adapters name without an effect: sentences for people.
  public var warnings: [String] {
    configuration.warnings
      + adapters.sorted { $0.key < $1.key }.flatMap { name, adapter in
        adapter.method.notices.map { "The adapter '\(name)': \($0)" }
      }
  }

  /// A loaded adapter.
  public func adapter(_ name: String) -> Adapter? { adapters[name] }

  /// Adds a fresh adapter.
  ///
  /// - Parameters:
  ///   - name: what it is called.
  ///   - text: a preset with changes, such as `seq_bn[reduction_factor=8]` or `lora`; or the path of a JSON file with a
  ///     configuration, alone or under `config`.
  ///   - overwrite: replaces an adapter of this name.
  ///   - setActive: makes it the active adapter.
  ///   - seed: repeats the random values.
  /// - Throws: `ModelError.exists`, `ConfigurationError`.
  public mutating func addAdapter(
    _ name: String, configuration text: String = "seq_bn", overwrite: Bool = false, setActive: Bool = false,
    seed: UInt64 = 0
  ) throws {
    try addAdapter(
      name, method: catalog.method(named: text), overwrite: overwrite, setActive: setActive, seed: seed)
  }

  /// Adds a fresh adapter of a configuration's members, as a saved one has them under `config`.
  public mutating func addAdapter(
    _ name: String, settings: [String: JSONValue], overwrite: Bool = false, setActive: Bool = false, seed: UInt64 = 0
  ) throws {
    let fields = try ConfigurationFields(.object(settings), file: "the configuration of '\(name)'")
    try addAdapter(name, method: catalog.method(fields), overwrite: overwrite, setActive: setActive, seed: seed)
  }

  /// Adds a fresh adapter of a method with its settings.
  public mutating func addAdapter(
    _ name: String, method: any AdapterMethod, overwrite: Bool = false, setActive: Bool = false, seed: UInt64 = 0
  ) throws {
    try add(Adapter(method, for: base, seed: seed), named: name, overwrite: overwrite)
    if setActive { try setActiveAdapters(.adapter(name)) }
  }

  /// Loads an adapter folder, and the head beside it.
  ///
  /// - Parameters:
  ///   - folder: a saved adapter, of `adapters` or PEFT.
  ///   - name: what it is called here; nil: as saved.
  ///   - withHead: whether a head in the folder is loaded, under the adapter's name.
  ///   - leaveOut: layers without modules, besides those that the settings name.
  ///   - labels: the names of the head's outputs, in the place of the saved ones (`id2label`).
  ///   - overwrite: replaces an adapter of this name.
  ///   - setActive: makes it the active adapter.
  /// - Returns: the name that the adapter has now.
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

  /// Saves an adapter, and the head of its name, as the reference does.
  ///
  /// - Parameters:
  ///   - name: of a loaded adapter.
  ///   - folder: is made, where it is not there.
  ///   - withHead: whether the head of its name is saved, too.
  ///   - metadata: members that `adapter_config.json` gets besides those that it has (`meta_dict`).
  ///   - format: the files that the weights go to.
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

  /// Puts an adapter in the place of the one of its name.
  mutating func replaceAdapter(_ name: String, _ adapter: Adapter) throws {
    try add(adapter, named: name, overwrite: true)
  }

  /// The encoder as loaded, whatever is merged.
  var baseEncoder: Encoder { base }

  /// Removes an adapter; its head stays.
  public mutating func deleteAdapter(_ name: String) throws {
    guard adapters[name] != nil else { throw unknown(adapter: name) }
    if mergedAdapter == name { resetAdapter() }
    adapters[name] = nil
    bound.bind(nil as BoundAdapter?, named: name)
    if activeAdapters?.adapters.contains(name) == true { activeAdapters = nil }
  }

  private mutating func add(_ adapter: Adapter, named name: String, overwrite: Bool) throws {
    if !overwrite, adapters[name] != nil { throw ModelError.exists(kind: "adapter", name: name) }
    let adapter = try adapter.method.converted(adapter.parameters, for: base) ?? adapter
    bound.bind(try bind(adapter, named: name, in: bound.encoder), named: name)
    adapters[name] = adapter
  }

  private func bind(_ adapter: Adapter, named name: String, in encoder: Encoder) throws -> BoundAdapter {
    try BoundAdapter(adapter, named: name, in: encoder, skippingLayers: skippedLayers, on: Pass(compute))
  }

  // MARK: Fusions

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
  ///   - seed: repeats the random values.
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
    replaceFusion(name, AdapterFusion(settings, of: members, for: base, seed: seed))
    if setActive { try setActiveAdapters(.fuse(names.map { .adapter($0) }, name: fusionName)) }
  }

  /// Puts a fusion in the place of the one of its name.
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

  // MARK: Activation

  /// Sets the adapters that act when a call names none; what is merged is reset.
  ///
  /// - Parameters:
  ///   - composition: nil is the base model.
  ///   - skipped: layers in which no adapter acts, in calls with any setup, until adapters are set again. What changes
  ///     the embeddings still acts: prompts and invertible adapters.
  /// - Throws: `CompositionError`, with the names of what is wrong; `LayerError`. The model is unchanged then.
  public mutating func setActiveAdapters(_ composition: Composition?, skippingLayers skipped: Set<Int> = []) throws {
    if let composition {
      for name in composition.adapters where adapters[name] == nil { throw unknown(adapter: name) }
    }
    if let odd = skipped.sorted().first(where: { !(0..<configuration.layerCount).contains($0) }) {
      throw LayerError.unknown(layer: odd, count: configuration.layerCount)
    }
    resetAdapter()
    if skipped != skippedLayers {
      skippedLayers = skipped
      bound = try rebound(to: base, merged: nil)
    }
    activeAdapters = composition
  }

  /// Puts an adapter's effect into the weights. The model with it merged equals the model with it active.
  ///
  /// - Throws: `ModelError`, if another one is merged, or the adapter's effect depends on the text.
  public mutating func mergeAdapter(_ name: String) throws {
    guard let adapter = adapters[name] else { throw unknown(adapter: name) }
    if mergedAdapter == name { return }
    if let other = mergedAdapter { throw ModelError.merged(other: other, name: name) }
    guard let merged = adapter.method.merged(adapter.parameters, into: base) else {
      throw ModelError.notMergeable(name: name)
    }
    let hooks = bound.lowering.adapters[name]?.headHooks ?? [:]
    let plain = heads
    let adapted = try heads.mapValues { head in
      let pass = Pass(compute)
      let layers = try head.namedLayers.compactMap { layer -> (String, Linear)? in
        guard let hook = hooks[layer.name] else { return nil }
        // What decodes words, and its norm, stay apart from the weights of the encoder.
        guard let linear = layer.linear else { throw ModelError.notMergeable(name: name) }
        return (layer.name, try hook.merged(into: linear, on: pass))
      }
      return layers.isEmpty ? head : head.replacing(Dictionary(uniqueKeysWithValues: layers))
    }
    bound = try rebound(to: merged, merged: name)
    if !hooks.isEmpty { (heads, unmergedHeads) = (adapted, plain) }
  }

  /// Goes back to the weights as they were loaded, the very bytes.
  public mutating func resetAdapter() {
    guard mergedAdapter != nil else { return }
    // The base bound these adapters before; it cannot refuse them now.
    if let reset = try? rebound(to: base, merged: nil) { bound = reset }
    for (name, head) in unmergedHeads where heads[name] != nil { heads[name] = head }
    unmergedHeads = [:]
  }

  /// A linear layer of the encoder, with what is merged.
  public func linear(_ place: ProjectionPlace, layer: Int) -> Linear {
    bound.encoder.linear(place, layer: layer)
  }

  private func rebound(to encoder: Encoder, merged: String?) throws -> BoundModel {
    var model = BoundModel(
      encoder,
      adapters: try adapters.reduce(into: [:]) { bound, item in
        bound[item.key] = try bind(item.value, named: item.key, in: encoder)
      },
      fusions: bound.lowering.fusions, heads: heads, merged: merged)
    model.headsOfFusions = bound.headsOfFusions
    return model
  }

  /// Gives the encoder another table of word embeddings, [vocabulary, E]; what is merged stays.
  mutating func replaceWords(_ words: WeightMatrix) throws {
    base = base.replacing(words: words)
    configuration = base.configuration
    bound = try rebound(to: bound.encoder.replacing(words: words), merged: mergedAdapter)
  }

  // MARK: Heads

  /// The names of the heads.
  public var headNames: [String] { heads.keys.sorted() }

  /// A head.
  public func head(_ name: String) -> PredictionHead? { heads[name] }

  /// Adds a fresh head. The decoder of a masked language model is tied to the word embeddings, unless it has another
  /// shape or the checkpoint's configuration says that words are not tied.
  public mutating func addHead(
    _ name: String, _ settings: HeadSettings, overwrite: Bool = false, seed: UInt64 = 0
  ) throws {
    if !overwrite, heads[name] != nil { throw ModelError.exists(kind: "head", name: name) }
    let head = PredictionHead(
      settings, hiddenSize: configuration.hiddenSize, layerNormEps: configuration.layerNormEps,
      deviation: configuration.initializerRange, seed: seed, tiedTo: headReader.tiesWords ? base.wordEmbeddings : nil,
      compute)
    heads[name] = try headReader.pooled(head)
  }

  /// Adds a fresh masked language model over the model's own vocabulary.
  ///
  /// - Parameters:
  ///   - layers: linear layers, the decoder included.
  ///   - activation: what follows every layer but the decoder.
  ///   - name: what it is called.
  ///   - overwrite: replaces the one of this name.
  ///   - seed: repeats the random values.
  public mutating func addMaskedLMHead(
    _ name: String, layers: Int = 2, activation: Activation? = .gelu, overwrite: Bool = false, seed: UInt64 = 0
  ) throws {
    let settings = HeadSettings(
      maskedLMOf: configuration.vocabularySize, embeddingSize: configuration.embeddingSize, layers: layers,
      activation: activation)
    try addHead(name, settings, overwrite: overwrite, seed: seed)
  }

  /// Puts a head with trained values in the place of the one of its name.
  mutating func replaceHead(_ name: String, _ head: PredictionHead) { heads[name] = head }

  /// Gives names to a head's outputs.
  ///
  /// - Throws: `LabelNamesError`, if they are not as many as the outputs.
  public mutating func nameLabels(_ labels: [String], ofHead name: String) throws {
    guard let head = heads[name] else { throw unknown(head: name) }
    heads[name] = try head.naming(labels)
  }

  /// Gives each label of a head that decides labels one by one its own threshold; nil: 0.5 for all.
  ///
  /// - Throws: `ThresholdError`; `ModelError.unknownHead`.
  public mutating func decideLabels(ofHead name: String, at thresholds: [Float]?) throws {
    guard let head = heads[name] else { throw unknown(head: name) }
    heads[name] = try head.deciding(at: thresholds)
  }

  /// Loads a head folder.
  ///
  /// - Parameters:
  ///   - folder: a saved head.
  ///   - name: what it is called here; nil: as saved, or like the folder if nothing was saved.
  /// - Returns: the name that the head has now.
  @discardableResult
  public mutating func loadHead(_ folder: String, as name: String? = nil) throws -> String {
    let (savedName, head) = try headReader.head(in: folder)
    let name = name ?? savedName ?? folder.split(separator: "/").last.map(String.init) ?? folder
    heads[name] = head
    return name
  }

  /// Saves a head as the reference does; a tied decoder is saved with it.
  ///
  /// - Throws: `ModelError.enhancedDecoder` for a head that the reference's files cannot describe.
  public func saveHead(_ name: String, to folder: String, as format: WeightFormat = .safetensors) throws {
    guard let head = heads[name] else { throw unknown(head: name) }
    if head.queryPositions != nil { throw ModelError.enhancedDecoder(head: name) }
    try Folders.create(folder)
    try SavedHead.write(
      head, named: name, modelName: self.name, family: configuration.family, hiddenSize: configuration.hiddenSize,
      to: folder, as: format, compute)
  }

  /// Removes a head.
  public mutating func deleteHead(_ name: String) throws {
    guard heads[name] != nil else { throw unknown(head: name) }
    heads[name] = nil
    activeHeads?.removeAll { $0 == name }
  }

  func unknown(adapter name: String) -> CompositionError {
    .unknownAdapter(name: name, nearest: NearestNames.of(name, in: adapterNames, limit: 2))
  }

  func unknown(head name: String) -> ModelError { bound.unknown(head: name) }
}

/// A model of DeBERTa v1: the same type, by the name that the Python library has for it.
public typealias DebertaAdapterModel = DebertaV2AdapterModel

/// A model of the generation that its checkpoint is of.
public typealias AutoAdapterModel = DebertaV2AdapterModel
