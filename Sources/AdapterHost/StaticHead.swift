internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors

/// The head of one of transformers' classes, or of Microsoft's, whose tensors go by the names of that class.
///
/// Source: adapters, `head_utils.py`, `STATIC_TO_FLEX_HEAD_MAP`.
enum StaticHead: Sendable {
  /// A pooler and a classifier, a classifier alone, or `qa_outputs`.
  case labelled(HeadSettings)
  case maskedLM(StaticMaskedLM, isTied: Bool)

  /// The head that a checkpoint carries: the one of the class that `architectures` names, else the one that its tensors
  /// make up; nil for an encoder alone.
  ///
  /// - Parameters:
  ///   - fields: `config.json`.
  ///   - tensors: the checkpoint's, by their names below `deberta.`
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

  /// The kind of head that a class of transformers has.
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

  /// The kind of head that tensors of some names and shapes make up.
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

  /// The modules that hold the linear layers of a head with labels, in order.
  static func modules(_ kind: HeadKind) -> [String] { (isPooled(kind) ? ["pooler.dense"] : []) + [last(kind)] }

  /// Whether a tensor's name is one that heads have.
  static func isOfHead(_ name: String) -> Bool {
    ["classifier.", "pooler.", "qa_outputs.", "cls.", "lm_predictions.", "score."].contains { name.hasPrefix($0) }
  }

  static func isPooled(_ kind: HeadKind) -> Bool { !kind.answersTokens }

  static func last(_ kind: HeadKind) -> String { kind == .questionAnswering ? "qa_outputs" : "classifier" }

  /// What it predicts, for people: `classification (softmax): neg, neu, pos`.
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

  /// The tensors that `read` reads, by their names in a checkpoint.
  ///
  /// - Parameter held: what the checkpoint has; some tensors are read only where they are there.
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

  /// The names in a checkpoint of a head's tensors, by those that the head has for them, which are in order.
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
    // The bias of transformers' decoder goes by two names.
    if case .maskedLM(.huggingFace, _) = self, let bias = tensors.last(where: { $0.hasSuffix(".bias") }) {
      names[bias]?.append("cls.predictions.bias")
    }
    return names
  }

  /// Reads the head's tensors by their names in a checkpoint.
  ///
  /// - Parameter words: the word embeddings [vocabulary, E], which decode a tied masked language model.
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
  /// - Returns: nil if positions are added to the embeddings already, where the checkpoint has none, and where
  ///   embeddings are narrower than hidden states, which the decoder adds them to.
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
  /// The head of one of transformers' classes.
  ///
  /// - Parameters:
  ///   - kind: what it predicts; any but a masked language model.
  ///   - outputs: the rows of its last layer; a question's and a choice's are fixed.
  ///   - labels: the names of the outputs; nil: those of `config.json`.
  ///   - fields: `config.json` of the base model.
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
  /// Whether the decoder of a masked language model is the word embeddings: `tie_word_embeddings`.
  var tiesWords: Bool {
    get throws(ConfigurationError) { try bool("tie_word_embeddings") ?? true }
  }

  fileprivate func labelNames(ofOutputs count: Int, given: [String]?) throws(ConfigurationError) -> [String] {
    if let given { return given }
    return try labelNames(ofOutputs: count)
  }

  /// How many outputs `config.json` names.
  var namedOutputs: Int? {
    for key in ["id2label", "label2id"] {
      if case .object(let names) = members[key], !names.isEmpty { return names.count }
    }
    return nil
  }

  /// What stands between the pooler and the classifier.
  var poolerActivation: Activation {
    get throws(ConfigurationError) {
      // Microsoft's configurations describe the pooler in an object of its own.
      let own = try object("pooling")?.activation("hidden_act")
      return try activation("pooler_hidden_act") ?? own ?? .gelu
    }
  }
}

extension Encoder {
  /// Whether a tensor that no one read is known: of heads and objectives that are not run, what older versions saved,
  /// and what training scripts keep beside a model, which no forward pass reads.
  static func isKnownUnused(_ name: String) -> Bool {
    let module = name.prefix { $0 != "." }.lowercased()
    return [
      "cls.", "classifier.", "pooler.", "qa_outputs.", "lm_predictions.", "mask_predictions.", "heads.",
      "embeddings.position_ids", "embeddings.position_embeddings.", "embeddings.token_type_embeddings.",
      // The word embeddings again, by which prompt tuning of `adapters` knows them.
      "prompt_tuning.base_model_embeddings.",
    ].contains { name.hasPrefix($0) }
      || ["position_ids", "token_type_ids"].contains(name)
      || module.contains("loss") || module.hasPrefix("criterion")
      || ["class_weight", "class_weights", "label_weights", "pos_weight", "pos_weights"].contains(module)
  }
}
