internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors

/// A head as a transformers class stores it in a checkpoint.
struct ClassHead {
  /// The class.
  let className: String
  /// The changes to `config.json`; null removes a member.
  let configuration: [String: JSONValue]
  /// The head's tensors, named as in the class.
  let tensors: [OutgoingTensor]
  /// Whether a checkpoint tensor, by its name below `deberta.`, belongs to the replaced head.
  let replaces: @Sendable (String) -> Bool

  /// - Parameters:
  ///   - head: any head.
  ///   - own: the checkpoint's existing head, which a masked language model head replaces.
  ///   - words: the word embeddings of the new checkpoint, to which a decoder may be tied.
  ///   - shape: the model's shape.
  ///   - compute: used to unpack weights.
  /// - Returns: nil for a head that no class can store.
  init?(
    _ head: PredictionHead, beside own: StaticHead?, words: () -> [Float], _ shape: DebertaV2Configuration,
    _ compute: Compute
  ) {
    let settings = head.settings
    guard head.queryPositions == nil,
      let name = settings.transformersClass(
        activation: shape.activation, embeddingSize: shape.embeddingSize, family: shape.family)
    else { return nil }
    var members = settings.transformersConfiguration
    members["architectures"] = .array([.string(name)])
    var saved = head.tensors(compute)
    var place = StaticHead.labelled(settings)
    let places = saved.map(\.name)
    if settings.kind == .maskedLM {
      let decoder = saved.lastIndex { $0.name.hasSuffix(".weight") }
      let isTied = decoder.map { saved[$0].values == words() } ?? true
      if isTied, let decoder { saved.remove(at: decoder) }
      place = .maskedLM(.huggingFace, isTied: isTied)
      if !isTied { members["tie_word_embeddings"] = .bool(false) }
      if isTied, case .maskedLM(.microsoft, _)? = own {
        // Microsoft's names are kept, and so is a configuration without a class name.
        place = .maskedLM(.microsoft, isTied: true)
        members["architectures"] = nil
      }
    }
    className = name
    configuration = members
    let names = place.checkpointNames(of: places)
    tensors = saved.flatMap { tensor in
      // transformers ties the decoder's bias to `cls.predictions.bias`, and only saves the latter.
      (names[tensor.name] ?? []).filter { $0 != "cls.predictions.decoder.bias" }.map {
        OutgoingTensor(name: $0, shape: tensor.shape, values: tensor.values)
      }
    }
    let scopes =
      settings.kind == .maskedLM ? ["cls.", "lm_predictions."] : ["classifier.", "pooler.", "qa_outputs."]
    replaces = { name in scopes.contains { name.hasPrefix($0) } }
  }
}

extension DebertaV2AdapterModel {
  /// The name of the word embeddings below `deberta.`
  static let wordsName = "embeddings.word_embeddings.weight"

  /// A head as a transformers class stores it in this model's checkpoint; nil if no class can.
  ///
  /// - Parameter words: the word embeddings, if they differ from this model's.
  func classHead(_ head: PredictionHead, words: [Float]?) -> ClassHead? {
    ClassHead(
      head, beside: staticHead, words: { words ?? baseEncoder.wordEmbeddings.widened(compute).array }, configuration,
      compute)
  }
}
