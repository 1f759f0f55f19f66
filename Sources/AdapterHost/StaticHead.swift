internal import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import Deberta
internal import Heads
internal import Tensors

/// The head that a checkpoint of one of transformers' classes, or of Microsoft, carries.
///
/// Source: adapters, `head_utils.py`, `STATIC_TO_FLEX_HEAD_MAP`.
enum StaticHead {
  case labelled(HeadKind, [String])
  case maskedLM(StaticMaskedLM, isTied: Bool)

  /// The head that `architectures` tells, if it is one of those that are known, or that the tensors of a masked
  /// language model tell: Microsoft's configurations have no `architectures`.
  init?(_ configuration: JSONValue, file: String, in tensors: WeightLedger) throws(ConfigurationError) {
    let fields = try ConfigurationFields(configuration, file: file)
    let kind: HeadKind
    switch try fields.strings("architectures")?.first {
    case "DebertaV2ForSequenceClassification": kind = .classification
    case "DebertaV2ForTokenClassification": kind = .tagging
    case "DebertaV2ForQuestionAnswering": kind = .questionAnswering
    case "DebertaV2ForMultipleChoice": kind = .multipleChoice
    case "DebertaV2ForMaskedLM":
      let expected: StaticMaskedLM = try fields.bool("legacy") ?? true ? .huggingFace : .microsoft
      self = .maskedLM(StaticMaskedLM(in: tensors) ?? expected, isTied: try fields.tiesWords)
      return
    default:
      guard let found = StaticMaskedLM(in: tensors) else { return nil }
      self = .maskedLM(found, isTied: try fields.tiesWords)
      return
    }
    let numbers = try fields.object("label2id")?.members.compactMapValues(\.wholeNumber) ?? [:]
    let named = numbers.sorted { $0.value < $1.value }.map(\.key)
    let isNumbered = numbers.values.sorted() == Array(0..<numbers.count)
    let labels =
      isNumbered && named.count > 1 || kind == .classification && named.count == 1 ? named : ["LABEL_0", "LABEL_1"]
    self = .labelled(kind, labels)
  }

  /// The head that PEFT saved beside an adapter; labels are named as those of the checkpoint's own head, if as many.
  init?(_ head: PeftFolder.Head, beside own: StaticHead?) {
    let kind: HeadKind
    let last: String
    switch head.task {
    case "SEQ_CLS": (kind, last) = (.classification, "classifier")
    case "TOKEN_CLS": (kind, last) = (.tagging, "classifier")
    case "QUESTION_ANS": (kind, last) = (.questionAnswering, "qa_outputs")
    default: return nil
    }
    let found = head.weights.ledger.shape(of: last + ".weight")?.first ?? 0
    // Answers have a start and an end: fewer outputs are refused when they are read.
    let count = kind == .questionAnswering ? max(found, 2) : found
    if case .labelled(_, let labels)? = own, labels.count == count {
      self = .labelled(kind, labels)
    } else {
      self = .labelled(kind, (0..<count).map { "LABEL_\($0)" })
    }
  }

  private static func isPooled(_ kind: HeadKind) -> Bool { !kind.answersTokens }

  private static func last(_ kind: HeadKind) -> String { kind == .questionAnswering ? "qa_outputs" : "classifier" }

  /// What the registry records of it.
  var description: HeadDescription {
    switch self {
    case .labelled(let kind, let labels): HeadDescription(kind: kind.rawValue, labels: labels)
    case .maskedLM: HeadDescription(kind: HeadKind.maskedLM.rawValue, labels: [])
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
    case .labelled(let kind, let labels):
      let outputs = HeadSettings(kind, labels: labels).outputs
      return (Self.isPooled(kind) ? pair("pooler.dense", [hidden, hidden]) : [])
        + pair(Self.last(kind), [outputs, hidden])
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
      case .labelled(let kind, _): (Self.isPooled(kind) ? ["pooler.dense"] : []) + [Self.last(kind)]
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

  /// Reads the tensors of a head with labels, to see that they are there and fit.
  func check(_ weights: WeightReader, _ shape: DebertaV2Configuration) throws(CheckpointError) {
    let noWords = WeightMatrix(Tensor([0], rows: 1, columns: 1))
    if case .labelled = self { _ = try read(weights, shape, words: noWords) }
  }

  /// Reads the head's tensors by their names in a checkpoint.
  ///
  /// - Parameter words: the word embeddings [vocabulary, E].
  func read(
    _ weights: WeightReader, _ shape: DebertaV2Configuration, words: WeightMatrix
  ) throws(CheckpointError) -> PredictionHead {
    switch self {
    case .labelled(let kind, let labels):
      let isPooled = Self.isPooled(kind)
      let settings = HeadSettings(kind, labels: labels, layers: isPooled ? 2 : 1, activation: .gelu)
      let parts = (isPooled ? ["pooler.dense"] : []) + [Self.last(kind)]
      return try PredictionHead(settings, weights, parts: parts, hiddenSize: shape.hiddenSize)
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
  /// - Returns: nil where positions are added to the embeddings already, where the checkpoint has none, and where
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

extension ConfigurationFields {
  /// Whether the decoder of a masked language model is the word embeddings: `tie_word_embeddings`.
  var tiesWords: Bool {
    get throws(ConfigurationError) { try bool("tie_word_embeddings") ?? true }
  }
}

extension Encoder {
  /// Whether a tensor that no one read is known: of heads and objectives that are not run, and what older versions saved.
  static func isKnownUnused(_ name: String) -> Bool {
    [
      "cls.", "classifier.", "pooler.", "qa_outputs.", "lm_predictions.", "mask_predictions.", "heads.",
      "embeddings.position_ids", "embeddings.position_embeddings.", "embeddings.token_type_embeddings.",
    ].contains { name.hasPrefix($0) }
  }
}
