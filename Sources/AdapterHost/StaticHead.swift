internal import AdapterMethods
internal import AdapterRegistry
internal import Checkpoints
internal import DebertaV2
internal import Heads
internal import Tensors

/// The head that a checkpoint of one of transformers' classes carries.
///
/// Source: adapters, `head_utils.py`, `STATIC_TO_FLEX_HEAD_MAP`.
struct StaticHead {
  private let kind: HeadKind
  private let labels: [String]

  /// The head that `architectures` tells, if it is one of those that are known.
  init?(_ configuration: JSONValue, file: String) throws(ConfigurationError) {
    let fields = try ConfigurationFields(configuration, file: file)
    switch try fields.strings("architectures")?.first {
    case "DebertaV2ForSequenceClassification": kind = .classification
    case "DebertaV2ForTokenClassification": kind = .tagging
    case "DebertaV2ForQuestionAnswering": kind = .questionAnswering
    case "DebertaV2ForMultipleChoice": kind = .multipleChoice
    default: return nil
    }
    let numbers = try fields.object("label2id")?.members.compactMapValues(\.wholeNumber) ?? [:]
    let named = numbers.sorted { $0.value < $1.value }.map(\.key)
    let isNumbered = numbers.values.sorted() == Array(0..<numbers.count)
    labels =
      isNumbered && named.count > 1 || kind == .classification && named.count == 1 ? named : ["LABEL_0", "LABEL_1"]
  }

  /// The head that PEFT saved beside an adapter; labels are named as those of the checkpoint's own head, if as many.
  init?(_ head: PeftFolder.Head, beside own: StaticHead?) {
    let last: String
    switch head.task {
    case "SEQ_CLS": (kind, last) = (.classification, "classifier")
    case "TOKEN_CLS": (kind, last) = (.tagging, "classifier")
    case "QUESTION_ANS": (kind, last) = (.questionAnswering, "qa_outputs")
    default: return nil
    }
    let count = head.weights.ledger.shape(of: last + ".weight")?.first ?? 0
    labels = own.map(\.labels).flatMap { $0.count == count ? $0 : nil } ?? (0..<count).map { "LABEL_\($0)" }
  }

  private var isPooled: Bool { !kind.answersTokens }
  private var settings: HeadSettings {
    HeadSettings(kind, labels: labels, layers: isPooled ? 2 : 1, activation: .gelu)
  }
  private var last: String { kind == .questionAnswering ? "qa_outputs" : "classifier" }

  /// What the registry records of it.
  var description: HeadDescription { HeadDescription(kind: kind.rawValue, labels: labels) }

  /// The head's tensors, by transformers' names.
  func tensors(hiddenSize: Int) -> [WantedTensor] {
    func linear(_ name: String, _ outputs: Int) -> [WantedTensor] {
      [WantedTensor(name + ".weight", [outputs, hiddenSize]), WantedTensor(name + ".bias", [outputs])]
    }
    return (isPooled ? linear("pooler.dense", hiddenSize) : []) + linear(last, settings.outputs)
  }

  /// Reads the head's tensors by transformers' names.
  func read(_ weights: WeightReader, _ shape: DebertaV2Configuration) throws(CheckpointError) -> PredictionHead {
    try PredictionHead(
      settings, weights, parts: isPooled ? ["pooler.dense", last] : [last], hiddenSize: shape.hiddenSize)
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
