internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors

/// A head of a transformers or Microsoft class, with the tensor names of that class.
///
/// Source: adapters, `head_utils.py`, `STATIC_TO_FLEX_HEAD_MAP`.
enum StaticHead: Sendable {
  /// A pooler and a classifier, a classifier alone, or `qa_outputs`.
  case labelled(HeadSettings)
  case maskedLM(StaticMaskedLM, isTied: Bool)

  /// The head in a checkpoint: that of the class in `architectures`, else the one formed by its tensors; nil for an
  /// encoder only.
  ///
  /// - Parameters:
  ///   - fields: `config.json`.
  ///   - tensors: the checkpoint's tensors, by name below `deberta.`
  ///   - hiddenSize: the model's hidden size.
  init?(_ fields: ConfigurationFields, in tensors: WeightLedger, hiddenSize: Int) throws(ConfigurationError) {
    let classes = (try fields.strings("architectures") ?? []).compactMap(Self.kind(class:))
    switch classes.first ?? Self.kind(of: tensors, hiddenSize: hiddenSize) {
    case .maskedLM?:
      let expected: StaticMaskedLM = try fields.bool("legacy") ?? true ? .huggingFace : .microsoft
      self = .maskedLM(StaticMaskedLM(in: tensors) ?? expected, isTied: try fields.tiesWords)
    case let kind?:
      let rows = tensors.shape(of: Self.last(kind) + ".weight")?.first
      self = .labelled(try HeadSettings(kind, outputs: rows ?? fields.namedOutputs ?? 2, of: fields))
    case nil: return nil
    }
  }

  /// The kind of head of a transformers class.
  static func kind(class name: String) -> HeadKind? {
    for family in ModelFamily.allCases where name.hasPrefix(family.classPrefix + "For") {
      switch name.dropFirst(family.classPrefix.count + 3) {
      case "SequenceClassification": return .classification
      case "TokenClassification": return .tagging
      case "QuestionAnswering": return .questionAnswering
      case "MultipleChoice": return .multipleChoice
      case "MaskedLM": return .maskedLM
      default: return nil
      }
    }
    return nil
  }

  /// The kind of head formed by tensors with the given names and shapes.
  static func kind(of tensors: WeightLedger, hiddenSize: Int) -> HeadKind? {
    func fits(_ module: String, outputs: Int? = nil) -> Bool {
      guard let shape = tensors.shape(of: module + ".weight"), shape.count == 2, shape[0] > 0 else { return false }
      return shape[1] == hiddenSize && outputs ?? shape[0] == shape[0]
        && tensors.shape(of: module + ".bias") == [shape[0]]
    }
    if fits("classifier") { return fits("pooler.dense", outputs: hiddenSize) ? .classification : .tagging }
    if fits("qa_outputs", outputs: 2) { return .questionAnswering }
    return StaticMaskedLM(in: tensors) == nil ? nil : .maskedLM
  }

  /// The modules of a labeled head's linear layers, in order.
  static func modules(_ kind: HeadKind) -> [String] { (isPooled(kind) ? ["pooler.dense"] : []) + [last(kind)] }

  /// Whether a tensor name belongs to a head.
  static func isOfHead(_ name: String) -> Bool {
    ["classifier.", "pooler.", "qa_outputs.", "cls.", "lm_predictions.", "score."].contains { name.hasPrefix($0) }
  }

  static func isPooled(_ kind: HeadKind) -> Bool { !kind.answersTokens }

  static func last(_ kind: HeadKind) -> String { kind == .questionAnswering ? "qa_outputs" : "classifier" }

  /// A description of what it predicts: `classification (softmax): neg, neu, pos`.
  var text: String {
    switch self {
    case .labelled(let settings):
      switch settings.kind {
      case .classification, .multilabelClassification:
        "\(settings.kind.rawValue) (\(settings.meaning.score.rawValue)): \(settings.labelNames.joined(separator: ", "))"
      case .tagging: "\(settings.kind.rawValue): \(settings.labelNames.joined(separator: ", "))"
      case .questionAnswering, .multipleChoice, .maskedLM: settings.kind.rawValue
      }
    case .maskedLM: HeadKind.maskedLM.rawValue
    }
  }

  /// The tensors read by `read`, by their names in a checkpoint.
  ///
  /// - Parameter held: the checkpoint's tensors; some tensors are optional.
  func tensors(_ shape: DebertaV2Configuration, in held: WeightLedger) -> [WantedTensor] {
    func pair(_ name: String, _ weight: [Int]) -> [WantedTensor] {
      [WantedTensor(name + ".weight", weight), WantedTensor(name + ".bias", [weight[0]])]
    }
    let (hidden, size) = (shape.hiddenSize, shape.embeddingSize)
    switch self {
    case .labelled(let settings):
      return (Self.isPooled(settings.kind) ? pair("pooler.dense", [hidden, hidden]) : [])
        + pair(Self.last(settings.kind), [settings.outputs, hidden])
    case .maskedLM(.huggingFace, let isTied):
      let scope = "cls.predictions."
      let decoder = scope + "decoder.weight"
      return pair(scope + "transform.dense", [size, hidden]) + pair(scope + "transform.LayerNorm", [size])
        + [WantedTensor([scope + "bias", scope + "decoder.bias"], [shape.vocabularySize])]
        + (!isTied || held.contains(decoder) ? [WantedTensor(decoder, [shape.vocabularySize, size])] : [])
    case .maskedLM(.microsoft, _):
      let scope = "lm_predictions.lm_head."
      let positions = "embeddings.position_embeddings.weight"
      let isEnhanced = !shape.addsAbsolutePositions && size == hidden && held.contains(positions)
      return pair(scope + "dense", [size, hidden]) + pair(scope + "LayerNorm", [size])
        + [WantedTensor(scope + "bias", [shape.vocabularySize])]
        + (isEnhanced ? [WantedTensor(positions, [shape.maximumPositions, hidden])] : [])
    }
  }

  /// Maps a head's tensor names, in order, to those in a checkpoint.
  func checkpointNames(of tensors: [String]) -> [String: [String]] {
    let places =
      switch self {
      case .labelled(let settings): Self.modules(settings.kind)
      case .maskedLM(let kind, _): kind.modules
      }
    var names: [String: [String]] = [:]
    var modules: [Substring] = []
    for tensor in tensors {
      let parts = tensor.split(separator: ".")
      guard parts.count == 2 else { continue }
      if modules.last != parts[0] { modules.append(parts[0]) }
      guard modules.count <= places.count else { continue }
      names[tensor] = ["\(places[modules.count - 1]).\(parts[1])"]
    }
    // The bias of transformers' decoder is stored under two names.
    if case .maskedLM(.huggingFace, _) = self, let bias = tensors.last(where: { $0.hasSuffix(".bias") }) {
      names[bias]?.append("cls.predictions.bias")
    }
    return names
  }

  /// Reads the head's tensors from a checkpoint.
  ///
  /// - Parameter words: the word embeddings [vocabulary, E], the decoder of a tied masked language model.
  func read(
    _ weights: WeightReader, _ shape: DebertaV2Configuration, words: WeightMatrix
  ) throws(CheckpointError) -> PredictionHead {
    switch self {
    case .labelled(let settings):
      return try PredictionHead(
        settings, weights, parts: Self.modules(settings.kind), hiddenSize: shape.hiddenSize)
    case .maskedLM(let kind, let isTied):
      let settings = HeadSettings(
        maskedLMOf: shape.vocabularySize, embeddingSize: shape.embeddingSize, activation: shape.activation)
      return try PredictionHead(
        kind, weights, settings, hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps, words: words,
        isTied: isTied, queryPositions: kind == .microsoft ? Self.queryPositions(weights, shape) : nil)
    }
  }

  /// The positions of Microsoft's enhanced mask decoder, [positions, H].
  ///
  /// - Returns: nil if positions are already added to the embeddings, if the checkpoint has none, or if embeddings are
  ///   narrower than the hidden states to which the decoder adds them.
  private static func queryPositions(
    _ weights: WeightReader, _ shape: DebertaV2Configuration
  ) throws(CheckpointError) -> Tensor? {
    let embeddings = weights["embeddings.position_embeddings"]
    guard !shape.addsAbsolutePositions, shape.embeddingSize == shape.hiddenSize, embeddings.contains("weight")
    else { return nil }
    return try embeddings.tensor("weight", [shape.maximumPositions, shape.hiddenSize])
  }
}

extension HeadSettings {
  /// A head of a transformers class.
  ///
  /// - Parameters:
  ///   - kind: what it predicts; not a masked language model.
  ///   - outputs: the number of rows of its last layer; fixed for questions and choices.
  ///   - labels: output names; nil: those in `config.json`.
  ///   - fields: the base model's `config.json`.
  init(
    _ kind: HeadKind, outputs: Int, labels: [String]? = nil, of fields: ConfigurationFields
  ) throws(ConfigurationError) {
    switch kind {
    case .classification, .multilabelClassification:
      let names = try fields.labelNames(ofOutputs: outputs, given: labels)
      self.init(
        .classification, labels: names, layers: 2, activation: try fields.poolerActivation,
        meaning: try fields.outputMeaning(outputs: outputs))
    case .tagging: self.init(kind, labels: try fields.labelNames(ofOutputs: outputs, given: labels), layers: 1)
    case .multipleChoice:
      self.init(kind, labels: LabelNames.numbered(2), layers: 2, activation: try fields.poolerActivation)
    case .questionAnswering, .maskedLM: self.init(.questionAnswering, labels: LabelNames.numbered(2), layers: 1)
    }
  }
}

extension ConfigurationFields {
  /// Whether the word embeddings are the decoder of a masked language model: `tie_word_embeddings`.
  var tiesWords: Bool {
    get throws(ConfigurationError) { try bool("tie_word_embeddings") ?? true }
  }

  fileprivate func labelNames(ofOutputs count: Int, given: [String]?) throws(ConfigurationError) -> [String] {
    if let given { return given }
    return try labelNames(ofOutputs: count)
  }

  /// The number of outputs named in `config.json`.
  var namedOutputs: Int? {
    for key in ["id2label", "label2id"] {
      if case .object(let names) = members[key], !names.isEmpty { return names.count }
    }
    return nil
  }

  /// The activation between the pooler and the classifier.
  var poolerActivation: Activation {
    get throws(ConfigurationError) {
      // Microsoft's configurations describe the pooler in a separate object.
      let own = try object("pooling")?.activation("hidden_act")
      return try activation("pooler_hidden_act") ?? own ?? .gelu
    }
  }
}

extension Encoder {
  /// Whether an unread tensor is known: part of unsupported heads and objectives, saved by older versions, or stored by
  /// training scripts without being used in a forward pass.
  static func isKnownUnused(_ name: String) -> Bool {
    let module = name.prefix { $0 != "." }.lowercased()
    return [
      "cls.", "classifier.", "pooler.", "qa_outputs.", "lm_predictions.", "mask_predictions.", "heads.",
      "embeddings.position_ids", "embeddings.position_embeddings.", "embeddings.token_type_embeddings.",
      // A copy of the word embeddings, saved for prompt tuning of `adapters`.
      "prompt_tuning.base_model_embeddings.",
    ].contains { name.hasPrefix($0) }
      || ["position_ids", "token_type_ids"].contains(name)
      || module.contains("loss") || module.hasPrefix("criterion")
      || ["class_weight", "class_weights", "label_weights", "pos_weight", "pos_weights"].contains(module)
  }
}
