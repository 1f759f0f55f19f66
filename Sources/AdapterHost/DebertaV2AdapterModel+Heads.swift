public import Checkpoints
internal import Deberta
public import Heads
internal import Model
public import Tensors

extension DebertaV2AdapterModel {
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
      deviation: configuration.initializerRange, seed: seed,
      tiedTo: headReader.tiesWords ? baseEncoder.wordEmbeddings : nil,
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
  ///   - seed: makes the random values reproducible.
  public mutating func addMaskedLMHead(
    _ name: String, layers: Int = 2, activation: Activation? = .gelu, overwrite: Bool = false, seed: UInt64 = 0
  ) throws {
    let settings = HeadSettings(
      maskedLMOf: configuration.vocabularySize, embeddingSize: configuration.embeddingSize, layers: layers,
      activation: activation)
    try addHead(name, settings, overwrite: overwrite, seed: seed)
  }

  /// Puts a head with trained values in place of the one of its name.
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

  func unknown(head name: String) -> ModelError { bound.unknown(head: name) }
}
