public import AdapterMethods
public import Checkpoints
public import Deberta
public import Heads
public import Model
public import Tensors

/// The part of a model to train; prediction heads are always trained.
public enum TrainedPart: Sendable, Hashable {
  /// The adapters of the setup; base and fusions are frozen.
  case adapters
  /// The fusions of the setup's Fuse blocks, with or without their adapters.
  case fusions(withAdapters: Bool)
  /// Everything, including the base.
  case everything
}

/// A model with trainable parameters.
///
/// Trained parameters are separate tensors that an optimizer changes in place; everything else is shared with the
/// original model. Each pass rebinds hooks, layers and heads from the current parameters (`bound(on:)`), so that a tape
/// records their computation.
///
/// Source for the trained parts: adapters, `model_mixin.py`, `train_adapter`, `train_adapter_fusion`.
public struct TrainableModel: Sendable {
  public let configuration: DebertaV2Configuration
  public let compute: Compute
  /// The adapters to apply; nil is the base model.
  public let setup: Composition?
  private let base: TrainableBase
  private let adapters: [String: Adapter]
  private let fusions: [String: AdapterFusion]
  private let heads: [String: TrainableHead]
  private let trainedFusions: [String]
  /// Bound once, because they are not trained.
  private let frozenAdapters: [String: BoundAdapter]
  /// The trained parameters, named as in the state dictionary of `adapters`.
  public let parameters: [TrainedParameter]

  /// - Parameters:
  ///   - base: the encoder, frozen or as parameters; the latter if everything is trained.
  ///   - adapters: the adapters that the setup may name.
  ///   - fusions: keyed by their adapters' names, joined with commas.
  ///   - heads: the heads to train.
  ///   - setup: the adapters to apply.
  ///   - frozen: adapters of the setup that are not trained.
  ///   - part: what to train.
  ///   - compute: the kernels and threads of passes.
  /// - Throws: `TrainableModelError`; `ConfigurationError`, if an adapter does not fit.
  public init(
    base: TrainableBase, adapters: [String: Adapter], fusions: [String: AdapterFusion] = [:],
    heads: [String: PredictionHead], setup: Composition?, frozen: [String] = [], training part: TrainedPart,
    _ compute: Compute
  ) throws {
    let trained = Set(part.trainsAdapters ? setup?.adapters ?? [] : []).subtracting(frozen)
    let trainedFusions = Set(part == .adapters ? [] : setup?.fusionNames ?? [])
    for name in setup?.adapters ?? [] where adapters[name] == nil {
      throw TrainableModelError.unknownAdapter(name: name)
    }
    for name in setup?.fusionNames ?? [] where fusions[name] == nil {
      throw TrainableModelError.unknownFusion(name: name)
    }
    if part == .everything, base.tensors.isEmpty { throw TrainableModelError.frozenBase }
    if let name = heads.first(where: { $0.value.queryPositions != nil })?.key {
      throw TrainableModelError.enhancedDecoder(head: name)
    }
    configuration = base.configuration
    self.compute = compute
    self.setup = setup
    self.base = base
    var parameters = part == .everything || base.words != nil ? base.parameters : []
    var (ownAdapters, ownFusions, ownHeads) = (adapters, fusions, [String: TrainableHead]())
    for name in trained.sorted() {
      guard let own = adapters[name]?.copied else { continue }
      ownAdapters[name] = own
      parameters += own.parameters.trained { EncoderLayout.storedName($0.key(name)) }
    }
    for name in trainedFusions.sorted() {
      guard let own = fusions[name]?.copied else { continue }
      ownFusions[name] = own
      parameters += own.parameters.trained { EncoderLayout.storedName($0.key(name)) }
    }
    for (name, head) in heads.sorted(by: { $0.key < $1.key }) {
      let own = TrainableHead(
        head, named: name, words: base.trainsWords ? base.tiedWords : nil, trainsAll: base.trainsWords, compute)
      ownHeads[name] = own
      parameters += own.trained
    }
    var frozen: [String: BoundAdapter] = [:]
    if let encoder = base.frozen {
      for name in Set(setup?.adapters ?? []).subtracting(trained) {
        frozen[name] = try adapters[name].map { try BoundAdapter($0, named: name, in: encoder, on: Pass(compute)) }
      }
    }
    frozenAdapters = frozen
    self.adapters = ownAdapters
    self.fusions = ownFusions
    self.trainedFusions = trainedFusions.sorted()
    self.heads = ownHeads
    self.parameters = parameters
  }

  /// Added to the loss of every batch: the regularization of trained fusions; nil if there are none.
  func regularization(on pass: Pass) -> Tensor? {
    let parts = trainedFusions.compactMap { fusions[$0]?.regularization(on: pass) }
    return parts.isEmpty ? nil : pass.weightedSum(parts.map { ($0, 1) })
  }

  /// An adapter with its current parameters.
  public func adapter(_ name: String) -> Adapter? { adapters[name] }

  /// A fusion with its current parameters.
  public func fusion(_ name: String) -> AdapterFusion? { fusions[name] }

  /// The base's tensors by name below `deberta.`, if it is trained.
  public var baseTensors: [NamedTensor] { base.tensors }

  /// The current word embeddings [vocabulary, E], if they are trained without the rest of the base.
  public var trainedWords: Tensor? { base.words }

  /// A head with its current parameters.
  public func head(_ name: String) throws(CheckpointError) -> PredictionHead? {
    guard let head = heads[name] else { return nil }
    return try head.prepared(configuration, on: Pass(compute))
  }

  /// The number of lowest layers without adapters of the setup; 0 if the base is trained.
  public func unhookedLayers() throws -> Int {
    if base.trainsWords { return 0 }
    return try boundAdapters().map(\.unhookedLayers).min() ?? configuration.layerCount
  }

  /// Whether an adapter of the setup has hooks in a layer.
  public func adaptsLayers() throws -> Bool { try boundAdapters().contains(where: \.actsInLayers) }

  private func boundAdapters() throws -> [BoundAdapter] {
    Array(try bound(on: Pass(compute)).lowering.adapters.values)
  }

  /// The model with its current parameters; only for this pass, if that has a tape.
  ///
  /// - Parameters:
  ///   - pass: computes derived tensors of the parameters.
  ///   - skipped: the number of lowest layers whose adapters are dropped (AdapterDrop).
  public func bound(on pass: Pass, skippingLayersBelow skipped: Int = 0) throws -> BoundModel {
    let encoder = try base.encoder(on: pass)
    var bound = skipped == 0 ? frozenAdapters : [:]
    for name in setup?.adapters ?? [] where bound[name] == nil {
      guard let adapter = adapters[name] else { continue }
      bound[name] = try BoundAdapter(adapter, named: name, in: encoder, skippingLayers: Set(0..<skipped), on: pass)
    }
    var boundFusions: [String: BoundFusion] = [:]
    for name in setup?.fusionNames ?? [] {
      boundFusions[name] = fusions[name].map { BoundFusion($0, named: name, on: pass) }
    }
    return BoundModel(
      encoder, adapters: bound, fusions: boundFusions,
      heads: try heads.mapValues { try $0.prepared(configuration, on: pass) })
  }
}

/// A trained or frozen encoder.
public struct TrainableBase: Sendable {
  public let configuration: DebertaV2Configuration
  fileprivate let tensors: [NamedTensor]
  fileprivate let frozen: Encoder?
  /// The trained word embeddings of an otherwise frozen encoder.
  fileprivate let words: Tensor?
  private let tiesDecoders: Bool

  /// A frozen encoder, optionally with trained word embeddings.
  ///
  /// - Parameters:
  ///   - encoder: the encoder, which is shared.
  ///   - trainsWords: whether to train a copy of its word embeddings.
  ///   - tiesDecoders: whether decoders with equal values are then tied to them.
  public init(frozen encoder: Encoder, trainingWords trainsWords: Bool = false, tiesDecoders: Bool = true) {
    configuration = encoder.configuration
    tensors = []
    frozen = encoder
    let words = encoder.wordEmbeddings
    self.words =
      trainsWords ? Tensor(words.widened(encoder.compute).array, rows: words.rows, columns: words.columns) : nil
    self.tiesDecoders = tiesDecoders
  }

  /// A trained encoder.
  ///
  /// - Parameters:
  ///   - tensors: every tensor of the encoder, by name below `deberta.`
  ///   - configuration: the shape of the encoder.
  ///   - tiesDecoders: whether masked language model decoders with the values of the word embeddings are tied to them:
  ///     `tie_word_embeddings`.
  public init(_ tensors: [NamedTensor], _ configuration: DebertaV2Configuration, tiesDecoders: Bool = true) {
    self.configuration = configuration
    self.tensors = tensors
    frozen = nil
    words = nil
    self.tiesDecoders = tiesDecoders
  }

  private var wordTensor: String { EncoderPlace.wordEmbeddings.path(in: configuration.family) + ".weight" }

  fileprivate var parameters: [TrainedParameter] {
    tensors.map { TrainedParameter(name: EncoderLayout.storedName($0.name), value: $0.values) }
      + (words.map { [TrainedParameter(name: EncoderLayout.storedName(wordTensor), value: $0)] } ?? [])
  }

  /// Whether the word embeddings are trained, alone or with everything else.
  fileprivate var trainsWords: Bool { words != nil || !tensors.isEmpty }

  /// The word embeddings [vocabulary, E], to which decoders may be tied; nil without tying.
  fileprivate var tiedWords: Tensor? {
    guard tiesDecoders else { return nil }
    return words ?? tensors.first { $0.name == wordTensor }?.values
  }

  fileprivate func encoder(on pass: Pass) throws(CheckpointError) -> Encoder {
    if let frozen { return words.map { frozen.replacing(words: WeightMatrix($0)) } ?? frozen }
    return try Encoder(WeightReader(WeightLedger(tensors, of: "the base in training"), on: pass), configuration)
  }
}

/// A head as parameters.
struct TrainableHead: Sendable {
  private let settings: HeadSettings
  private let layerNames: [Int: String]
  /// The base model's pooler, which is frozen.
  private let pooler: Pooler?
  private let tensors: [NamedTensor]
  let trained: [TrainedParameter]

  /// - Parameters:
  ///   - words: the word embeddings, if they are trained: a decoder with equal values is tied to them and stays tied.
  ///   - trainsAll: whether to train a masked language model's decoder, too.
  init(_ head: PredictionHead, named name: String, words: Tensor?, trainsAll: Bool, _ compute: Compute) {
    settings = head.settings
    layerNames = head.layerNames
    pooler = head.pooler
    let saved = head.tensors(compute)
    let decoder = settings.kind == .maskedLM ? saved.last { $0.name.hasSuffix(".weight") }?.name : nil
    let decoderBias = decoder.map { $0.replacing(".weight", with: ".bias") }
    // An untied decoder has separate values, even if its shape equals that of the word embeddings.
    let tied = words.flatMap { words in
      saved.contains { $0.name == decoder && $0.shape == [words.rows, words.columns] && $0.values == words.array }
        ? words : nil
    }
    tensors = saved.map { tensor in
      if tensor.name == decoder, let words = tied {
        return NamedTensor(name: tensor.name, shape: tensor.shape, values: words)
      }
      return NamedTensor(name: tensor.name, shape: tensor.shape, copying: tensor.values)
    }
    trained = tensors.filter { tensor in
      if tensor.name == decoder { return trainsAll && tied == nil }
      return tensor.name != decoderBias || trainsAll
    }.map { TrainedParameter(name: "heads.\(name).\($0.name)", value: $0.values) }
  }

  func prepared(_ shape: DebertaV2Configuration, on pass: Pass) throws(CheckpointError) -> PredictionHead {
    var head = try PredictionHead(
      settings, WeightReader(WeightLedger(tensors, of: "the head in training"), on: pass),
      hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps)
    head.dropout = settings.dropout ?? shape.hiddenDropout
    head.layerNames = layerNames
    head.pooler = pooler
    return head
  }
}

extension TrainedPart {
  fileprivate var trainsAdapters: Bool {
    switch self {
    case .adapters, .everything: true
    case .fusions(let withAdapters): withAdapters
    }
  }
}

extension Composition {
  fileprivate var fusionNames: [String] { fusions.map(\.name) }
}

extension AdapterParameters {
  fileprivate func trained(_ name: (ParameterSpec) -> String) -> [TrainedParameter] {
    specs.filter(\.isTrainable).map { TrainedParameter(name: name($0), value: self[$0]) }
  }
}

/// Why a model cannot be trained as requested.
public enum TrainableModelError: Error, Hashable, Sendable, CustomStringConvertible {
  case unknownAdapter(name: String)
  case unknownFusion(name: String)
  case frozenBase
  case enhancedDecoder(head: String)

  public var description: String {
    switch self {
    case .unknownAdapter(let name): "The setup names the adapter '\(name)', which is not loaded."
    case .unknownFusion(let name): "The setup fuses '\(name)', for which no fusion is loaded; add or load one first."
    case .enhancedDecoder(let head):
      "The head '\(head)' is an enhanced mask decoder, whose absolute positions this program reads but does not train; "
        + "add a head of kind masked_lm of your own."
    case .frozenBase: "Everything is to be trained, but the base was given as it is and not as parameters."
    }
  }
}
