internal import Tokenization

extension ExampleEncoder {
  /// Tags at the first token of each word, by where words and tokens stand in the text.
  func words(
    _ text: String, _ ranges: [Range<Int>], _ tags: [GivenLabel?]
  ) throws(Failure) -> Features {
    let encoding = try encode(text)
    var target = [Int32](repeating: Target.notCounted, count: encoding.ids.count)
    var word = 0
    var isTagged = [Bool](repeating: false, count: ranges.count)
    for (token, offsets) in encoding.offsets.enumerated() where encoding.sequence[token] == 0 {
      while word < ranges.count, ranges[word].upperBound <= offsets.lowerBound { word += 1 }
      guard word < ranges.count, ranges[word].contains(offsets.lowerBound), !isTagged[word] else { continue }
      isTagged[word] = true
      if let tag = tags[word] { target[token] = Int32(try index(of: tag)) }
    }
    return Features(
      example: TrainingExample(sequences: [TokenSequence(encoding)], target: .tokens(target)),
      cutTokens: encoding.truncatedTokens, lostWords: zip(isTagged, tags).count { !$0 && $1 != nil })
  }

  /// A question and as much of its context as there is room for; the tokens of the first answer.
  func question(_ question: String, _ context: String, _ answers: [AnswerSpan]) throws(Failure) -> Features {
    let encoding = try encode(question: question, context: context)
    let isContext = encoding.sequence.map { $0 == 1 }
    let span = answers.first.map { encoding.span(of: $0.range, isContext) }
    let (start, end) = (span ?? nil) ?? (0, 0)
    return Features(
      example: TrainingExample(sequences: [TokenSequence(encoding)], target: .span(start: start, end: end)),
      cutTokens: encoding.truncatedTokens, hasLostAnswer: span != nil && end == 0,
      question: QuestionReference(encoding, context: context, answers: answers.map(\.text)))
  }
}

extension Encoding {
  /// The first and the last token of the context that have a part of `range`; nil if a part was cut off.
  fileprivate func span(of range: Range<Int>, _ isContext: [Bool]) -> (start: Int, end: Int)? {
    let tokens = ids.indices.filter { isContext[$0] && offsets[$0].overlaps(range) }
    guard let start = tokens.first, let end = tokens.last else { return nil }
    let last = ids.indices.last { isContext[$0] }.map { offsets[$0].upperBound } ?? 0
    return truncatedTokens > 0 && last < range.upperBound ? nil : (start, end)
  }
}
