public import Checkpoints
internal import Deberta
public import Heads
internal import Model
public import Tensors

extension DebertaV2AdapterModel {
  /// The names of the heads.
  public var headNames: [String] { heads.keys.sorted() }

  /// The head with this name.
  public func head(_ name: String) -> PredictionHead? { heads[name] }

  /// Adds a newly initialized head.
  ///
  /// The decoder of a masked language model is tied to the word embeddings, unless its shape differs or the
  /// checkpoint's configuration disables tying.
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

  /// Adds a newly initialized masked language model head for the model's vocabulary.
  ///
  /// - Parameters:
  ///   - layers: the number of linear layers, including the decoder.
  ///   - activation: the function after every layer except the decoder.
  ///   - name: the head's name.
  ///   - overwrite: whether to replace the head with this name.
  ///   - seed: makes the random values reproducible.
  public mutating func addMaskedLMHead(
    _ name: String, layers: Int = 2, activation: Activation? = .gelu, overwrite: Bool = false, seed: UInt64 = 0
  ) throws {
    let settings = HeadSettings(
      maskedLMOf: configuration.vocabularySize, embeddingSize: configuration.embeddingSize, layers: layers,
      activation: activation)
    try addHead(name, settings, overwrite: overwrite, seed: seed)
  }

  /// Replaces a head with its trained version.
  mutating func replaceHead(_ name: String, _ head: PredictionHead) { heads[name] = head }

  /// Sets the names of a head's outputs.
  ///
  /// - Throws: `LabelNamesError`, if the number of names differs from the number of outputs.
  public mutating func nameLabels(_ labels: [String], ofHead name: String) throws {
    guard let head = heads[name] else { throw unknown(head: name) }
    heads[name] = try head.naming(labels)
  }

  /// Sets the threshold of each label of a multi-label head; nil: 0.5 for all.
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
  ///   - name: the name to use; nil: as saved, or the folder's name if none was saved.
  /// - Returns: the head's name in this model.
  @discardableResult
  public mutating func loadHead(_ folder: String, as name: String? = nil) throws -> String {
    let (savedName, head) = try headReader.head(in: folder)
    let name = name ?? savedName ?? folder.split(separator: "/").last.map(String.init) ?? folder
    heads[name] = head
    return name
  }

  /// Saves a head in the format of `adapters`, including a tied decoder.
  ///
  /// - Throws: `ModelError.enhancedDecoder` for a head that this format cannot describe.
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
