internal import Tokenization

extension ExampleEncoder {
  /// Assigns tags to the first token of each word.
  func words(
    _ sentence: Sentence, _ tags: [GivenLabel?]
  ) throws(Failure) -> Features {
    let encoding = try encode(sentence.text)
    var target = [Int32](repeating: Target.notCounted, count: encoding.ids.count)
    let firstTokens = sentence.firstTokens(encoding)
    for (token, tag) in zip(firstTokens, tags) {
      if let token, let tag { target[token] = Int32(try index(of: tag)) }
    }
    return Features(
      examples: [TrainingExample(sequences: [TokenSequence(encoding)], target: .tokens(target))],
      cutTokens: encoding.truncatedTokens, lostWords: zip(firstTokens, tags).count { $0 == nil && $1 != nil })
  }

  /// A question in windows over its context.
  ///
  /// For training, each window is an example: those with a complete answer, and an equal number of the others, with no
  /// answer as target. Windows with part of an answer are skipped, because their target would be wrong, as are
  /// questions whose answer fits no window. For evaluation, all windows form one example.
  ///
  /// - Parameters:
  ///   - line: selects among windows without an answer.
  ///   - use: the purpose of the example.
  func question(
    _ question: String, _ context: String, _ answers: [AnswerSpan], line: Int, for use: Use
  ) throws(Failure) -> Features {
    let windows = try self.windows(question, context)
    let targets = windows.encodings.indices.map { window in
      answers.lazy.compactMap { windows.tokens(of: $0.range, window: window) }.first
    }
    let answered = targets.indices.filter { targets[$0] != nil }
    var features = Features(examples: [], hasAnswer: !answers.isEmpty)
    features.hasLostAnswer = !answers.isEmpty && answered.isEmpty
    if use == .evaluation {
      let sequences = windows.encodings.map { TokenSequence($0) }
      features.examples = [TrainingExample(sequences: sequences, target: .span(start: 0, end: 0))]
      features.question = QuestionContext(windows.encodings, context: context, answers: answers.map(\.text))
      return features
    }
    let others = targets.indices.filter { window in
      !answers.contains { windows.hasPart(of: $0.range, window: window) }
    }
    let chosen = answers.isEmpty ? others : answered + others.spread(answered.count, from: line)
    features.examples = chosen.sorted().map { window in
      let (start, end) = targets[window] ?? (0, 0)
      return TrainingExample(
        sequences: [TokenSequence(windows.encodings[window])], target: .span(start: start, end: end))
    }
    return features
  }

  private func windows(_ question: String, _ context: String) throws(Failure) -> TextWindows {
    do {
      return try TextWindows(question: question, context: context, tokenizer, maximumLength: maximumLength)
    } catch {
      switch error {
      case .noRoom, .stride, .tooMany: throw .example(error.description)
      case .tokenizer(let error): throw Failure(error)
      }
    }
  }
}

extension [Int] {
  /// At most this many elements, evenly spaced, starting at a position modulo the count.
  fileprivate func spread(_ wanted: Int, from start: Int) -> [Int] {
    let wanted = Swift.min(wanted, count)
    return (0..<wanted).map { self[(start + $0 * count / wanted) % count] }
  }
}
