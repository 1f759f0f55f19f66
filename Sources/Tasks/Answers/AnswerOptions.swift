/// How heads' outputs become answers, named as in transformers' pipelines.
///
/// ```swift
/// var options = AnswerOptions()
/// options.tagging.aggregationStrategy = .simple
/// options.questions.topK = 3
/// let predictor = try Predictor(model, tokenizer, options: options)
/// ```
public struct AnswerOptions: Sendable, Hashable {
  public var classification = ClassificationOptions()
  public var tagging = TaggingOptions()
  public var questions = QuestionOptions()
  public var masks = MaskOptions()
  /// Candidate labels for entailment heads; nil: these heads answer with their own labels.
  public var zeroShot: ZeroShotOptions?

  public init() {}
}

extension AnswerOptions {
  /// - Throws: ``AnswerOptionsError``, if a number is out of range.
  public func check() throws(AnswerOptionsError) {
    let least = [
      ("topK", classification.topK, 1), ("topK", questions.topK, 1), ("topK", masks.topK, 1),
      ("maxAnswerLength", questions.maxAnswerLength, 1), ("stride", tagging.stride, 0),
      ("docStride", questions.docStride, 0),
    ]
    for (name, value, least) in least {
      if let value, value < least { throw AnswerOptionsError(option: name, value: value, least: least) }
    }
  }
}

/// An option that is out of range.
public struct AnswerOptionsError: Error, Hashable, Sendable, CustomStringConvertible {
  public let option: String
  public let value: Int
  public let least: Int

  public var description: String { "The option \(option) is \(value); expected \(least) or more." }
}
