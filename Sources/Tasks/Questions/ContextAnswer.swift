/// How a question answering head's outputs become answers.
public struct QuestionOptions: Sendable, Hashable {
  /// The number of answers, most likely first.
  ///
  /// It affects the scores of answers; see ``QuestionContext/answers(starts:ends:_:)``.
  public var topK: Int
  /// The maximum number of tokens in an answer.
  public var maxAnswerLength: Int
  /// Whether 'the context does not answer' is a possible answer.
  public var handlesImpossibleAnswer: Bool
  /// Whether answers are whole words: runs between white space, including punctuation.
  public var alignsToWords: Bool
  /// The number of context tokens shared by consecutive windows; nil: half a window, but at most 128.
  public var docStride: Int?

  public init(
    topK: Int = 1, maxAnswerLength: Int = 15, handlesImpossibleAnswer: Bool = false, alignsToWords: Bool = true,
    docStride: Int? = nil
  ) {
    self.topK = topK
    self.maxAnswerLength = maxAnswerLength
    self.handlesImpossibleAnswer = handlesImpossibleAnswer
    self.alignsToWords = alignsToWords
    self.docStride = docStride
  }

  /// The options for evaluation: any token span of up to 30 tokens, or no answer.
  public static let evaluation = QuestionOptions(
    maxAnswerLength: 30, handlesImpossibleAnswer: true, alignsToWords: false)
}

/// The span of a context that answers a question, or no answer.
public struct ContextAnswer: Sendable, Hashable, Codable {
  /// Its range in the context, in Unicode scalars as Python counts; nil if the context does not answer.
  public let range: Range<Int>?
  /// Empty if the context does not answer.
  public let text: String
  /// Its probability; see ``QuestionContext/answers(starts:ends:_:)``.
  public let score: Float
  /// The index of its context, from 0, if several were given; nil also for no answer.
  public let context: Int?

  public init(range: Range<Int>?, text: String, score: Float, context: Int? = nil) {
    self.range = range
    self.text = text
    self.score = score
    self.context = context
  }

  /// The best answers over several contexts, from the head's start and end outputs for each window of each context.
  public static func best(
    of contexts: [QuestionContext], starts: [[[Float]]], ends: [[[Float]]], _ options: QuestionOptions
  ) -> [ContextAnswer] {
    best(
      of: contexts.indices.map { number in
        let spans = contexts[number].spans(starts[number], ends[number], options)
        let own = contexts.count > 1 ? spans.map { $0.numbered(number) } : spans
        return (own, contexts[number].noAnswer(starts: starts[number], ends: ends[number]))
      }, options)
  }

  static func best(
    of contexts: [(spans: [ContextAnswer], none: Double)], _ options: QuestionOptions
  ) -> [ContextAnswer] {
    let spans = contexts.flatMap(\.spans)
    let none = ContextAnswer(range: nil, text: "", score: Float(contexts.map(\.none).min() ?? 1))
    let all = options.handlesImpossibleAnswer || spans.isEmpty ? spans + [none] : spans
    let order = all.indices.sorted { (all[$0].score, $1) > (all[$1].score, $0) }
    return order.prefix(options.topK).map { all[$0] }
  }

  private func numbered(_ context: Int) -> ContextAnswer {
    ContextAnswer(range: range, text: text, score: score, context: context)
  }
}
