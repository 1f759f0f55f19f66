public import Checkpoints
internal import Glibc

/// The function that turns a text classification head's outputs into scores, named as in `function_to_apply` of
/// transformers' pipelines.
public enum ScoreFunction: String, Sendable, Hashable, CaseIterable {
  /// Over all outputs: exactly one label applies.
  case softmax
  /// For each output separately: any number of labels applies; a single output is a probability.
  case sigmoid
  /// Returns the outputs unchanged, as values.
  case identity = "none"

  /// The scores of a text's outputs; NaN if an output is NaN.
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

  /// The default for a kind of head: multiple labels are scored independently, a single output is a value.
  static func usual(_ kind: HeadKind, outputs: Int) -> ScoreFunction {
    switch kind {
    case .multilabelClassification: .sigmoid
    case .classification: outputs == 1 ? .identity : .softmax
    case .tagging, .questionAnswering, .multipleChoice, .maskedLM: .softmax
    }
  }
}

extension HeadKind {
  /// The kind of a head scored by a function: several independently scored outputs are multiple labels.
  func scored(by function: ScoreFunction, outputs: Int) -> HeadKind {
    self == .classification && outputs > 1 && function == .sigmoid ? .multilabelClassification : self
  }
}

/// How the outputs of a text classification head are scored and trained.
public struct OutputMeaning: Sendable, Hashable {
  /// Turns outputs into the scores of an answer.
  public let score: ScoreFunction
  /// Turns outputs into what is compared with labels in training and evaluation.
  ///
  /// Equals ``score``, except for a single output that no setting explains: transformers' pipelines apply a sigmoid to
  /// it, but its models train it as a value.
  public let target: ScoreFunction

  public init(score: ScoreFunction, target: ScoreFunction? = nil) {
    self.score = score
    self.target = target ?? score
  }
}

extension ConfigurationFields {
  /// The meaning of a sequence classifier's outputs, from `config.json`.
  ///
  /// `problem_type` decides, as in transformers' pipelines. Otherwise the activation of a sentence-transformers model
  /// does; otherwise a single output is scored by the sigmoid and trained as a value, and several outputs by the
  /// softmax.
  ///
  /// Source: transformers, `pipelines/text_classification.py`, `modeling_deberta_v2.py`; sentence-transformers,
  /// `CrossEncoder`.
  /// - Throws: `ConfigurationError` for an unknown value.
  public func outputMeaning(outputs: Int) throws(ConfigurationError) -> OutputMeaning {
    let problem = try string("problem_type")
    if problem == nil, outputs == 1, try activationName == nil {
      return OutputMeaning(score: .sigmoid, target: .identity)
    }
    return OutputMeaning(score: try scoreFunction(problem, outputs: outputs))
  }

  /// The activation set by a sentence-transformers model, with its key.
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
    // Several outputs compete with each other, whatever the name of the function.
    case "Identity": return outputs == 1 ? .identity : .softmax
    case "Softmax" where outputs > 1: return .softmax
    default:
      throw impossible(
        key, "'\(name)'", "the function Sigmoid or Identity, with several outputs also Softmax")
    }
  }
}
