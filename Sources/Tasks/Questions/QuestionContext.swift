internal import Glibc
public import Tokenization

/// The context of a question in windows, and the correct answers.
public struct QuestionContext: Sendable, Hashable {
  /// A token of the context.
  struct Token: Sendable, Hashable {
    /// Its range in the context, in scalars.
    let range: Range<Int>
    /// The index of its word; nil between words.
    let word: Int?
  }

  /// The correct texts; none if the context does not answer, or it is unknown.
  public let answers: [String]
  /// The tokens of each window; nil for those outside the context.
  let windows: [[Token?]]
  private let scalars: [Unicode.Scalar]
  /// The token range of each word.
  private let words: [Int: Range<Int>]

  /// - Parameters:
  ///   - encodings: the windows: the question paired with parts of the context.
  ///   - context: the whole context.
  ///   - answers: the correct texts.
  public init(_ encodings: [Encoding], context: String, answers: [String] = []) {
    let windows = encodings.map { encoding in
      encoding.ids.indices.map { token in
        encoding.sequence[token] == 1 ? Token(range: encoding.offsets[token], word: encoding.words[token]) : nil
      }
    }
    self.init(windows, context: context, answers: answers)
  }

  init(_ windows: [[Token?]], context: String, answers: [String] = []) {
    self.windows = windows
    self.answers = answers
    scalars = Array(context.unicodeScalars)
    words = windows.joined().reduce(into: [:]) { words, token in
      guard let token, let word = token.word else { return }
      let known = words[word] ?? token.range
      words[word] =
        min(known.lowerBound, token.range.lowerBound)..<max(known.upperBound, token.range.upperBound)
    }
  }

  /// The best answers over all windows.
  ///
  /// The score of a span is the probability of its first token times that of its last one; each is a softmax over the
  /// window's context tokens and `[CLS]`, which means no answer. Scores of different windows are compared directly.
  /// Each window contributes its most likely spans, 2·topK + 10 if they are aligned to words, else topK; spans with the
  /// same text, ignoring case, add their probabilities to the first of them.
  ///
  /// - Parameters:
  ///   - starts: for each window, its tokens' start outputs; all finite.
  ///   - ends: the end outputs.
  ///   - options: which spans are allowed, and how many to return.
  /// - Returns: the most likely first; at least one: if there is no span, that the context does not answer.
  /// - Complexity: O(tokens · maxAnswerLength).
  /// - SeeAlso: transformers, `pipelines/question_answering.py`, `postprocess`.
  public func answers(starts: [[Float]], ends: [[Float]], _ options: QuestionOptions = .init()) -> [ContextAnswer] {
    ContextAnswer.best(of: [(spans: spans(starts, ends, options), none: noAnswer(starts: starts, ends: ends))], options)
  }

  /// The candidate answers, most likely of the first window first.
  func spans(_ starts: [[Float]], _ ends: [[Float]], _ options: QuestionOptions) -> [ContextAnswer] {
    var found: [(range: Range<Int>, score: Double)] = []
    var places: [String: Int] = [:]
    for (window, tokens) in windows.enumerated() {
      let shares = Shares(tokens, starts[window], ends[window])
      let count = options.alignsToWords ? 2 * options.topK + 10 : options.topK
      for span in shares.spans(count, limit: options.maxAnswerLength) {
        guard let first = tokens[span.start], let last = tokens[span.end] else { continue }
        let range = range(first, last, options)
        if range.isEmpty { continue }
        let text = scalars.text(range).lowercased()
        if let place = places[text] {
          found[place].score += span.score
        } else {
          places[text] = found.count
          found.append((range, span.score))
        }
      }
    }
    return found.map { ContextAnswer(range: $0.range, text: scalars.text($0.range), score: Float($0.score)) }
  }

  /// The probability that the context does not answer: the minimum over all windows.
  public func noAnswer(starts: [[Float]], ends: [[Float]]) -> Double {
    precondition(starts.map(\.count) == windows.map(\.count) && ends.map(\.count) == windows.map(\.count))
    return windows.indices.filter { !windows[$0].isEmpty }
      .map { Shares(windows[$0], starts[$0], ends[$0]).none }.min() ?? 1
  }

  /// The range of an answer, from token to token or aligned to words, without surrounding white space.
  private func range(_ first: Token, _ last: Token, _ options: QuestionOptions) -> Range<Int> {
    func aligned(_ token: Token) -> Range<Int> {
      options.alignsToWords ? token.word.flatMap { words[$0] } ?? token.range : token.range
    }
    let start = min(aligned(first).lowerBound, scalars.count)
    return scalars.trimmed(start..<min(max(start, aligned(last).upperBound), scalars.count))
  }
}

/// The start and end probabilities of a window's tokens.
private struct Shares {
  private let tokens: [QuestionContext.Token?]
  private var starts: [Double]
  private var ends: [Double]
  /// The probability that the window has no answer.
  let none: Double

  init(_ tokens: [QuestionContext.Token?], _ starts: [Float], _ ends: [Float]) {
    self.tokens = tokens
    let candidates = tokens.indices.filter { $0 == 0 || tokens[$0] != nil }
    self.starts = candidates.shares(of: starts)
    self.ends = candidates.shares(of: ends)
    none = (self.starts.first ?? 1) * (self.ends.first ?? 1)
  }

  /// The most likely spans of the context, in order.
  func spans(_ count: Int, limit: Int) -> [(start: Int, end: Int, score: Double)] {
    var best: [(start: Int, end: Int, score: Double)] = []
    for start in tokens.indices where tokens[start] != nil && starts[start] > 0 {
      for end in start..<min(start + limit, tokens.count) where tokens[end] != nil {
        let score = starts[start] * ends[end]
        guard score > 0, best.count < count || score > best[best.count - 1].score else { continue }
        let place = best.firstIndex { $0.score < score } ?? best.count
        best.insert((start, end, score), at: place)
        if best.count > count { best.removeLast() }
      }
    }
    return best
  }
}

extension [Int] {
  /// The softmax of the elements at these indices; 0 elsewhere.
  fileprivate func shares(of values: [Float]) -> [Double] {
    let largest = self.map { values[$0] }.max() ?? 0
    var shares = [Double](repeating: 0, count: values.count)
    for place in self { shares[place] = exp(Double(values[place] - largest)) }
    let sum = shares.reduce(0, +)
    return shares.map { $0 / sum }
  }
}
