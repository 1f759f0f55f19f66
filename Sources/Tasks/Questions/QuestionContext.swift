internal import Glibc
public import Tokenization

/// The context of a question as a model reads it in windows, and the answers that are right.
public struct QuestionContext: Sendable, Hashable {
  /// The texts of which any is right; none if the context does not answer, or nobody knows.
  public let answers: [String]
  /// For each window, where its tokens stand in the context, in scalars; nil for tokens that are not of the context.
  public let windows: [[Range<Int>?]]
  private let scalars: [Unicode.Scalar]

  /// - Parameters:
  ///   - encodings: the windows: the question with parts of the context as its pair.
  ///   - context: the whole context.
  ///   - answers: the texts that are right.
  public init(_ encodings: [Encoding], context: String, answers: [String] = []) {
    let windows = encodings.map { zip($0.offsets, $0.sequence).map { $1 == 1 ? $0 : nil } }
    self.init(windows, context: context, answers: answers)
  }

  init(_ windows: [[Range<Int>?]], context: String, answers: [String] = []) {
    self.windows = windows
    self.answers = answers
    scalars = Array(context.unicodeScalars)
  }

  /// The likeliest answer: of all windows, the span of the context with the largest probability, or none if that is
  /// at least as likely in every window.
  ///
  /// The probability of a span is that of its first token times that of its last one; each is a softmax over the
  /// window's tokens of the context and `[CLS]`, which stands for no answer. Windows are compared as they are.
  ///
  /// - Parameters:
  ///   - starts: for each window, the logits of its tokens as the answer's first; all are finite.
  ///   - ends: the same as its last.
  ///   - limit: the most tokens of an answer.
  /// - Complexity: O(tokens · limit).
  /// - SeeAlso: transformers, `pipelines/question_answering.py`, `postprocess`.
  public func answer(starts: [[Float]], ends: [[Float]], limit: Int = 30) -> ContextAnswer {
    precondition(starts.map(\.count) == windows.map(\.count) && ends.map(\.count) == windows.map(\.count))
    var best: (range: Range<Int>, score: Double)?
    var none: Double?
    for (window, offsets) in windows.enumerated() where !offsets.isEmpty {
      let (starts, ends) = (starts[window], ends[window])
      let candidates = offsets.indices.filter { $0 == 0 || offsets[$0] != nil }
      let scale = candidates.logSum(of: starts) + candidates.logSum(of: ends)
      none = min(none ?? .infinity, Double(starts[0]) + Double(ends[0]) - scale)
      for start in candidates {
        guard let first = offsets[start] else { continue }
        for end in start..<min(start + limit, offsets.count) {
          guard let last = offsets[end] else { continue }
          let score = Double(starts[start]) + Double(ends[end]) - scale
          if score > best?.score ?? -.infinity { best = (self.range(first, last), score) }
        }
      }
    }
    guard let best, best.score > none ?? -.infinity else {
      return ContextAnswer(range: nil, text: "", score: Float(exp(none ?? 0)))
    }
    return ContextAnswer(
      range: best.range, text: String(String.UnicodeScalarView(scalars[best.range])), score: Float(exp(best.score)))
  }

  private func range(_ first: Range<Int>, _ last: Range<Int>) -> Range<Int> {
    let start = min(first.lowerBound, scalars.count)
    return start..<min(max(start, last.upperBound), scalars.count)
  }
}

extension [Int] {
  /// log Σ exp(x) of the elements at these places.
  fileprivate func logSum(of values: [Float]) -> Double {
    let largest = self.map { values[$0] }.max() ?? 0
    return Double(largest) + log(self.reduce(0.0) { $0 + exp(Double(values[$1] - largest)) })
  }
}

/// The part of a context that answers a question, or that there is none.
public struct ContextAnswer: Sendable, Hashable {
  /// Where it stands in the context, in Unicode scalars as Python counts; nil if the context does not answer.
  public let range: Range<Int>?
  /// Empty if the context does not answer.
  public let text: String
  /// Its probability; see ``QuestionContext/answer(starts:ends:limit:)``.
  public let score: Float

  public init(range: Range<Int>?, text: String, score: Float) {
    self.range = range
    self.text = text
    self.score = score
  }
}
