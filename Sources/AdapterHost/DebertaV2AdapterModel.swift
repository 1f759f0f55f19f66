public import AdapterMethods
public import Checkpoints
public import Deberta
internal import Files
internal import Foundation
internal import Heads
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
  var baseEncoder: Encoder
  /// The base with what is merged, and with the adapters, fusions and heads bound to it.
  var bound: BoundModel
  var adapters: [String: Adapter] = [:]
  /// By their adapters' names, with commas between them.
  var fusions: [String: AdapterFusion] = [:]
  /// The heads without what the merged adapter does to them; empty where it does nothing.
  var unmergedHeads: [String: PredictionHead] = [:]
  /// The adapters that act when a call names none; nil is the base model.
  public internal(set) var activeAdapters: Composition?
  /// The heads that answer when a call names none; nil: those that are named like the active adapters.
  public var activeHeads: [String]?
  /// What is trained.
  public internal(set) var training = TrainingChoice.everything
  /// The layers in which no adapter acts, set with the active adapters.
  public internal(set) var skippedLayers: Set<Int> = []
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
  ///   - seed: makes the random values reproducible.
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
    baseEncoder = try Encoder(reader, configuration)
    bound = BoundModel(baseEncoder)
    tables = EmbeddingTables(baseEncoder.wordEmbeddings)
    headReader = try HeadReader(fields, configuration, weights: source.file, words: baseEncoder.wordEmbeddings, compute)
    staticHead = try StaticHead(fields, in: ledger, hiddenSize: configuration.hiddenSize)
    heads["default"] = try staticHead?.read(reader, configuration, words: baseEncoder.wordEmbeddings)
    let whole = try WholeModel(fields)
    for (name, adapter) in try whole?.readAdapters(ledger, configuration, catalog) ?? [] {
      try add(adapter, named: name, overwrite: true)
    }
    for (name, fusion) in try whole?.readFusions(ledger, configuration) ?? [] { replaceFusion(name, fusion) }
    let words = headReader.tiesWords ? baseEncoder.wordEmbeddings : nil
    for (name, head) in try whole?.readHeads(ledger, configuration, tiedTo: words, compute) ?? [] {
      heads[name] = try headReader.pooled(head)
    }
    unreadHeadTensors = staticHead == nil ? ledger.unused.filter(StaticHead.isOfHead) : []
    try ledger.finish(knowing: Encoder.isKnownUnused)
  }
}

/// A model of DeBERTa v1: the same type, by the name that the Python library has for it.
public typealias DebertaAdapterModel = DebertaV2AdapterModel

/// A model of the generation that its checkpoint is of.
public typealias AutoAdapterModel = DebertaV2AdapterModel
