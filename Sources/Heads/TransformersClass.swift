public import Checkpoints
public import Tensors

extension HeadSettings {
  /// The transformers class whose head has the same modules; nil if there is none.
  ///
  /// - Parameters:
  ///   - hidden: the model's `hidden_act`, used by masked language models.
  ///   - words: the width of the word embeddings.
  ///   - family: the model's family; v1 has no class for multiple choice.
  public func transformersClass(
    activation hidden: Activation, embeddingSize words: Int, family: ModelFamily = .v2
  ) -> String? {
    guard hasBias else { return nil }
    let name: String? =
      switch kind {
      case .classification, .multilabelClassification: layers == 2 ? "SequenceClassification" : nil
      case .multipleChoice: layers == 2 && family == .v2 ? "MultipleChoice" : nil
      case .tagging: layers == 1 ? "TokenClassification" : nil
      case .questionAnswering: layers == 1 && outputs == 2 ? "QuestionAnswering" : nil
      case .maskedLM:
        layers == 2 && hasNorms && activation == hidden && embeddingSize ?? words == words ? "MaskedLM" : nil
      }
    return name.map { family.classPrefix + "For" + $0 }
  }

  /// The members of `config.json` that describe the head to transformers; null removes a member.
  public var transformersConfiguration: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    if kind == .classification || kind == .multilabelClassification || kind == .tagging {
      let names = labelNames.enumerated()
      members["id2label"] = .object(Dictionary(uniqueKeysWithValues: names.map { ("\($0)", .string($1)) }))
      members["label2id"] = .object(Dictionary(uniqueKeysWithValues: names.map { ($1, .integer($0)) }))
      members["num_labels"] = .null
    }
    if kind == .classification || kind == .multilabelClassification || kind == .multipleChoice {
      members["pooler_hidden_act"] = .string(activation.map(\.transformersName) ?? Activation.linear.rawValue)
    }
    members["problem_type"] = problemType.map { .string($0) } ?? .null
    for key in ["sentence_transformers", "sbert_ce_default_activation_function"] { members[key] = .null }
    return members
  }

  private var problemType: String? {
    switch (kind, meaning.score) {
    case (.multilabelClassification, _): "multi_label_classification"
    case (.classification, .identity): "regression"
    case (.classification, .softmax): "single_label_classification"
    // Without a problem type a single output is scored as a probability and trained as a value.
    case (.classification, .sigmoid): meaning.target == .sigmoid ? "multi_label_classification" : nil
    default: nil
    }
  }
}

extension Activation {
  /// Its name in transformers, which lacks a second activation of `adapters`.
  fileprivate var transformersName: String { self == .leakyrelu ? Activation.leakyRelu.rawValue : rawValue }
}
