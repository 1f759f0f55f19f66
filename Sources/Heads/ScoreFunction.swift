public import Checkpoints
internal import Glibc

/// What makes scores of the outputs of a head that classifies texts; the names are those that pipelines of
/// transformers use for `function_to_apply`.
public enum ScoreFunction: String, Sendable, Hashable, CaseIterable {
  /// Of all outputs together: one label applies.
  case softmax
  /// Of each output by itself: any number of labels applies; a single output is a probability.
  case sigmoid
  /// The outputs as they are: values.
  case identity = "none"

  /// The scores of a text's outputs; not a number where an output is none.
  public func scores(_ outputs: [Float]) -> [Float] {
    switch self {
    case .identity: return outputs
    case .sigmoid: return outputs.map { 1 / (1 + expf(-$0)) }
    case .softmax:
      let largest = outputs.max() ?? 0
      let powers = outputs.map { expf($0 - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// What a head means that says nothing else: several labels are judged one by one, a single output is a value.
  static func usual(_ kind: HeadKind, outputs: Int) -> ScoreFunction {
    switch kind {
    case .multilabelClassification: .sigmoid
    case .classification: outputs == 1 ? .identity : .softmax
    case .tagging, .questionAnswering, .multipleChoice, .maskedLM: .softmax
    }
  }
}

extension HeadKind {
  /// The kind of a head whose outputs a function scores: several outputs that are scored one by one are several labels.
  func scored(by function: ScoreFunction, outputs: Int) -> HeadKind {
    self == .classification && outputs > 1 && function == .sigmoid ? .multilabelClassification : self
  }
}

extension ConfigurationFields {
  /// How the outputs of a sequence classifier that `config.json` describes are scored.
  ///
  /// `problem_type` decides, as in transformers' pipelines. Without a decision there, a model of sentence-transformers
  /// says it by its activation; else one output is a probability, and several share one.
  ///
  /// Source: transformers, `pipelines/text_classification.py`; sentence-transformers, `CrossEncoder`.
  /// - Throws: `ConfigurationError` for a value that is not known.
  public func scoreFunction(outputs: Int) throws(ConfigurationError) -> ScoreFunction {
    switch try string("problem_type") {
    case "regression": return .identity
    case "multi_label_classification": return .sigmoid
    case "single_label_classification", nil: break
    case let other?:
      throw impossible(
        "problem_type", "'\(other)'", "'regression', 'single_label_classification' or 'multi_label_classification'")
    }
    let nested = "sentence_transformers"
    let current = "activation_fn"
    let older = "sbert_ce_default_activation_function"
    let own = try object(nested)?.string(current)
    let given = try string(older)
    guard let name = own ?? given else { return outputs == 1 ? .sigmoid : .softmax }
    switch name.split(separator: ".").last {
    case "Sigmoid": return .sigmoid
    // Several outputs are compared with each other, whatever the name of the function.
    case "Identity": return outputs == 1 ? .identity : .softmax
    case "Softmax" where outputs > 1: return .softmax
    default:
      throw impossible(
        own == nil ? older : "\(nested).\(current)", "'\(name)'",
        "the function Sigmoid or Identity, with several outputs also Softmax")
    }
  }
}
