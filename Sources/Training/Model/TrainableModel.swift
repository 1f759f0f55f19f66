public import AdapterMethods
public import Checkpoints
public import Deberta
public import Heads
public import Model
public import Tensors

/// What of a model is trained; prediction heads always are.
public enum TrainedPart: Sendable, Hashable {
  /// The adapters that the setup names; base and fusions stay as they are.
  case adapters
  /// The fusions of the setup's Fuse blocks, with their adapters or without.
  case fusions(withAdapters: Bool)
  /// All of it, the base included.
  case everything
}

/// A model of which some parameters are trained.
///
/// Trained parameters are tensors in separate memory, which an optimizer
/// changes in place; everything else is shared with the model that it was
/// made from. Each pass binds hooks, layers and heads again from the trained parameters
/// as they are (`bound(on:)`), so that a tape sees what they are made of.
///
/// Source of what is trained: adapters, `model_mixin.py`, `train_adapter`, `train_adapter_fusion`.
public struct TrainableModel: Sendable {
  public let configuration: DebertaV2Configuration
  public let compute: Compute
  /// The adapters that act; nil is the base model.
  public let setup: Composition?
  private let base: TrainableBase
  private let adapters: [String: Adapter]
  private let fusions: [String: AdapterFusion]
  private let heads: [String: TrainableHead]
  private let trainedFusions: [String]
  /// What is bound once, because nothing of it is trained.
  private let frozenAdapters: [String: BoundAdapter]
  /// What is trained, by the names of the reference's state dictionary.
  public let parameters: [TrainedParameter]

  /// - Parameters:
  ///   - base: the encoder, as it is or as parameters; the latter where everything is trained.
  ///   - adapters: what the setup can name.
  ///   - fusions: by their adapters' names, with commas between them.
  ///   - heads: what is trained on top.
  ///   - setup: the adapters that act.
  ///   - frozen: adapters of the setup that stay as they are.
  ///   - part: what is trained.
  ///   - compute: what passes compute with.
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

  /// What is added to the loss of every batch: the regularization of the fusions that are trained; nil without any.
  func regularization(on pass: Pass) -> Tensor? {
    let parts = trainedFusions.compactMap { fusions[$0]?.regularization(on: pass) }
    return parts.isEmpty ? nil : pass.weightedSum(parts.map { ($0, 1) })
  }

  /// An adapter with its parameters as they are now.
  public func adapter(_ name: String) -> Adapter? { adapters[name] }

  /// A fusion with its parameters as they are now.
  public func fusion(_ name: String) -> AdapterFusion? { fusions[name] }

  /// The tensors of the base, by their names below `deberta.`, where it is trained.
  public var baseTensors: [NamedTensor] { base.tensors }

  /// The word embeddings [vocabulary, E] as they are now, where they are trained without the rest of the base.
  public var trainedWords: Tensor? { base.words }

  /// A head with its parameters as they are now.
  public func head(_ name: String) throws(CheckpointError) -> PredictionHead? {
    guard let head = heads[name] else { return nil }
    return try head.prepared(configuration, on: Pass(compute))
  }

  /// The number of lowest layers in which no adapter of the setup acts; 0 where the base is trained.
  public func unhookedLayers() throws -> Int {
    if base.trainsWords { return 0 }
    return try boundAdapters().map(\.unhookedLayers).min() ?? configuration.layerCount
  }

  /// Whether an adapter of the setup acts in some layer.
  public func adaptsLayers() throws -> Bool { try boundAdapters().contains(where: \.actsInLayers) }

  private func boundAdapters() throws -> [BoundAdapter] {
    Array(try bound(on: Pass(compute)).lowering.adapters.values)
  }

  /// The model of the parameters as they are: for this pass, if that has a tape.
  ///
  /// - Parameters:
  ///   - pass: what is computed of the parameters beforehand is computed with it.
  ///   - skipped: the number of lowest layers whose adapters are left out (AdapterDrop).
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

/// An encoder that is trained or stays as it is.
public struct TrainableBase: Sendable {
  public let configuration: DebertaV2Configuration
  fileprivate let tensors: [NamedTensor]
  fileprivate let frozen: Encoder?
  /// The word embeddings of an encoder that otherwise stays as it is, where they are trained.
  fileprivate let words: Tensor?
  private let tiesDecoders: Bool

  /// An encoder that stays as it is, but perhaps for its word embeddings.
  ///
  /// - Parameters:
  ///   - encoder: is shared.
  ///   - trainsWords: whether its word embeddings are trained; they are copied.
  ///   - tiesDecoders: whether decoders with their values are tied to them then.
  public init(frozen encoder: Encoder, trainingWords trainsWords: Bool = false, tiesDecoders: Bool = true) {
    configuration = encoder.configuration
    tensors = []
    frozen = encoder
    let words = encoder.wordEmbeddings
    self.words =
      trainsWords ? Tensor(words.widened(encoder.compute).array, rows: words.rows, columns: words.columns) : nil
    self.tiesDecoders = tiesDecoders
  }

  /// An encoder that is trained.
  ///
  /// - Parameters:
  ///   - tensors: every tensor of the encoder, by its name below `deberta.`
  ///   - configuration: the shape of the encoder.
  ///   - tiesDecoders: whether a decoder of a masked language model with the values of the word embeddings is tied to
  ///     them: `tie_word_embeddings`.
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

  /// The word embeddings [vocabulary, E], to which decoders may be tied; nil if none is.
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
  /// The base model's, which stays as it is.
  private let pooler: Pooler?
  private let tensors: [NamedTensor]
  let trained: [TrainedParameter]

  /// - Parameters:
  ///   - words: the word embeddings, if they are trained: a decoder with the same values is tied to them and stays so.
  ///   - trainsAll: the decoder of a masked language model too.
  init(_ head: PredictionHead, named name: String, words: Tensor?, trainsAll: Bool, _ compute: Compute) {
    settings = head.settings
    layerNames = head.layerNames
    pooler = head.pooler
    let saved = head.tensors(compute)
    let decoder = settings.kind == .maskedLM ? saved.last { $0.name.hasSuffix(".weight") }?.name : nil
    let decoderBias = decoder.map { $0.replacing(".weight", with: ".bias") }
    // An untied decoder has values of its own, though it has the shape of the word embeddings.
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

/// Why a model cannot be trained so.
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
