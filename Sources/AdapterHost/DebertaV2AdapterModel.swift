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
/// The checkpoint's `model_type` determines the generation. Differences are data of the encoder, so one type serves
/// all; `DebertaAdapterModel` and `AutoAdapterModel` are aliases.
///
/// A value: copies share weights, and `mutating` calls change only one copy. A constant model may be called from any
/// number of tasks concurrently, each with its own adapters; equal calls give equal bits.
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
  /// The available adapter methods.
  public let catalog: MethodCatalog
  /// The checkpoint or configuration that the model was created from.
  let source: ModelSource
  /// The model's name in saved files: the last component of its folder.
  public var name: String { source.name }
  /// What the linear layers of the encoder's layers are computed in.
  public var precision: Precision { compute.precision ?? (configuration.quantization == nil ? .float32 : .int8) }
  /// Reads heads made for this model.
  let headReader: HeadReader
  /// The checkpoint's own head.
  let staticHead: StaticHead?
  /// The tensors of a head in the checkpoint that do not form a supported one.
  private(set) var unreadHeadTensors: [String] = []
  /// The encoder as loaded, without a merged adapter.
  var baseEncoder: Encoder
  /// The encoder including a merged adapter, with the adapters, fusions and heads bound to it.
  var bound: BoundModel
  var adapters: [String: Adapter] = [:]
  /// Keyed by their adapters' names, joined with commas.
  var fusions: [String: AdapterFusion] = [:]
  /// The heads without the merged adapter; empty if it does not change heads.
  var unmergedHeads: [String: PredictionHead] = [:]
  /// The adapters for calls that name none; nil is the base model.
  public internal(set) var activeAdapters: Composition?
  /// The heads for calls that name none; nil: those named after the active adapters.
  public var activeHeads: [String]?
  /// The parts to train.
  public internal(set) var training = TrainingChoice.everything
  /// The layers without adapters, set with the active adapters.
  public internal(set) var skippedLayers: Set<Int> = []
  /// The adapter merged into the weights.
  public var mergedAdapter: String? { bound.merged }
  /// The custom heads.
  var customHeads: [String: any CustomHead] = [:]
  /// The loaded tables of word embeddings.
  var tables: EmbeddingTables
  /// The heads, by name.
  var heads: [String: PredictionHead] {
    get { bound.heads }
    set { bound.heads = newValue }
  }

  /// Loads a checkpoint folder of Hugging Face or Microsoft; a head in it becomes the head `default`.
  ///
  /// Adapters, fusions and heads written by `save_pretrained` of an adapter model keep their names.
  ///
  /// A head file next to the checkpoint, as saved by `adapters`, takes precedence over a head in its tensors.
  ///
  /// - Parameters:
  ///   - folder: contains `config.json` and the weights.
  ///   - compute: the kernels and threads of passes.
  ///   - catalog: the available adapter methods; add an application's with `MethodCatalog.adding`.
  /// - Throws: `ConfigurationError` or `CheckpointError`, naming file, key or tensor.
  public init(folder: String, compute: Compute = Compute(), catalog: MethodCatalog = .standard) throws {
    let folder = try CheckpointFolder(path: folder)
    let shape = try DebertaV2Configuration(json: folder.configuration, file: folder.configurationFile)
    try self.init(ModelSource(folder), shape, compute, catalog)
    if SavedHead.exists(in: folder.path) { heads["default"] = try headReader.head(in: folder.path).head }
  }

  /// Creates a model with random weights and no head.
  ///
  /// - Parameters:
  ///   - configuration: the members of a `config.json`; missing ones take transformers' defaults.
  ///   - name: the model's name in saved files.
  ///   - seed: makes the random values reproducible.
  ///   - compute: the kernels and threads of passes.
  ///   - catalog: the available adapter methods.
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
    if shape.quantization != nil, let precision = compute.precision, precision != .int8 {
      throw ModelError.quantized(folder: source.folder ?? source.name, precision: precision.rawValue)
    }
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

  /// - Parameter action: what needs the weights of the checkpoint, as in "… cannot be trained".
  /// - Throws: `ModelError.roundedBase`, if the model has them only rounded.
  func requireExactWeights(toBe action: String) throws(ModelError) {
    if precision != .float32 { throw .roundedBase(precision: precision.rawValue, action: action) }
  }
}

/// A DeBERTa v1 model, under its name in the Python library.
public typealias DebertaAdapterModel = DebertaV2AdapterModel

/// A model of the generation given by its checkpoint.
public typealias AutoAdapterModel = DebertaV2AdapterModel
