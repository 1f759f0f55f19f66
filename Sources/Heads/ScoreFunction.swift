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

  /// What a head means by default: several labels are scored one by one, a single output is a value.
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

/// What is made of the outputs of a head that classifies texts.
public struct OutputMeaning: Sendable, Hashable {
  /// What makes the scores of an answer.
  public let score: ScoreFunction
  /// What makes what the labels of examples are compared with, in training and in evaluation.
  ///
  /// It is ``score``, except for a single output that no setting explains: pipelines of transformers give its sigmoid,
  /// but its models train it as a value.
  public let target: ScoreFunction

  public init(score: ScoreFunction, target: ScoreFunction? = nil) {
    self.score = score
    self.target = target ?? score
  }
}

extension ConfigurationFields {
  /// What the outputs of a sequence classifier that `config.json` describes mean.
  ///
  /// `problem_type` decides, as in transformers' pipelines. Without a decision there, a model of sentence-transformers
  /// says it by its activation; else one output is scored by the sigmoid and trained as a value, and several share a
  /// probability.
  ///
  /// Source: transformers, `pipelines/text_classification.py`, `modeling_deberta_v2.py`; sentence-transformers,
  /// `CrossEncoder`.
  /// - Throws: `ConfigurationError` for a value that is not known.
  public func outputMeaning(outputs: Int) throws(ConfigurationError) -> OutputMeaning {
    let problem = try string("problem_type")
    if problem == nil, outputs == 1, try activationName == nil {
      return OutputMeaning(score: .sigmoid, target: .identity)
    }
    return OutputMeaning(score: try scoreFunction(problem, outputs: outputs))
  }

  /// The key of the activation that a model of sentence-transformers names, and its name.
  private var activationName: (key: String, name: String)? {
    get throws(ConfigurationError) {
      let nested = "sentence_transformers"
      let current = "activation_fn"
      let older = "sbert_ce_default_activation_function"
      if let name = try object(nested)?.string(current) { return ("\(nested).\(current)", name) }
      return try string(older).map { (older, $0) }
    }
  }

  private func scoreFunction(_ problem: String?, outputs: Int) throws(ConfigurationError) -> ScoreFunction {
    switch problem {
    case "regression": return .identity
    case "multi_label_classification": return .sigmoid
    case "single_label_classification", nil: break
    case let other?:
      throw impossible(
        "problem_type", "'\(other)'", "'regression', 'single_label_classification' or 'multi_label_classification'")
    }
    guard let (key, name) = try activationName else { return outputs == 1 ? .sigmoid : .softmax }
    switch name.split(separator: ".").last {
    case "Sigmoid": return .sigmoid
    // Several outputs are compared with each other, whatever the name of the function.
    case "Identity": return outputs == 1 ? .identity : .softmax
    case "Softmax" where outputs > 1: return .softmax
    default:
      throw impossible(
        key, "'\(name)'", "the function Sigmoid or Identity, with several outputs also Softmax")
    }
  }
}
