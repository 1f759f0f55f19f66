public import Tokenization

/// A question with its context, cut into windows that a model can read.
///
/// Each window is `[CLS] question [SEP] part of the context [SEP]`. Neighbours share tokens of the context, so that an
/// answer at the edge of one is whole in the next. Training, evaluation and prediction read questions so.
///
/// Concretely, for a context of the tokens a b c d e, of which 3 have room and 1 is shared: a b c, c d e.
public struct QuestionWindows: Sendable, Hashable {
  /// One at least.
  public let encodings: [Encoding]
  /// The tokens of the context that each window holds.
  private let ranges: [Range<Int>]
  /// Where every token of the context stands, in scalars.
  private let offsets: [Range<Int>]
  /// The tokens before the context.
  private let questionTokens: Int

  /// - Parameters:
  ///   - question: the first text; every window holds all of it.
  ///   - context: the second text.
  ///   - tokenizer: the model's.
  ///   - maximumLength: the most tokens of a window, specials included; nil for one window without a limit.
  ///   - shared: the tokens of the context that neighbours share (`doc_stride`); nil: half a window, 128 at most.
  ///     If windows have no room for so many, half of their room is shared.
  /// - Throws: `QuestionError`.
  public init(
    _ question: String, context: String, _ tokenizer: any Tokenizer, maximumLength: Int?, shared: Int? = nil
  ) throws(QuestionError) {
    let whole: Encoding
    do { whole = try tokenizer.encode(question, pair: context) } catch { throw .tokenizer(error) }
    let tokens = whole.sequence.indices.filter { whole.sequence[$0] == 1 }
    let first = tokens.first ?? whole.ids.count
    questionTokens = first
    offsets = tokens.map { whole.offsets[$0] }
    guard let maximumLength, whole.ids.count > maximumLength else {
      ranges = [0..<tokens.count]
      encodings = [whole]
      return
    }
    let room = maximumLength - (whole.ids.count - tokens.count)
    guard room > 0 else { throw .noRoom(question: whole.ids.count - tokens.count, limit: maximumLength) }
    ranges = Self.ranges(of: tokens.count, room: room, shared: shared ?? min(maximumLength / 2, 128))
    encodings = ranges.map { whole.keeping(first + $0.lowerBound..<first + $0.upperBound, of: tokens) }
  }

  /// Runs of tokens, each as long as there is room; the last one ends with the tokens.
  private static func ranges(of count: Int, room: Int, shared: Int) -> [Range<Int>] {
    let step = room - (shared < room ? shared : room / 2)
    var ranges: [Range<Int>] = []
    for start in stride(from: 0, to: count, by: step) {
      ranges.append(start..<min(start + room, count))
      if start + room >= count { break }
    }
    return ranges
  }

  /// The first and the last token of an answer in a window.
  ///
  /// - Parameters:
  ///   - answer: where it stands in the context, in scalars.
  ///   - window: the number of the window.
  /// - Returns: nil, if the window does not hold all of it.
  public func tokens(of answer: Range<Int>, window: Int) -> (start: Int, end: Int)? {
    guard let start = offsets.firstIndex(where: { $0.overlaps(answer) }),
      let end = offsets.lastIndex(where: { $0.overlaps(answer) }),
      ranges[window].contains(start), ranges[window].contains(end)
    else { return nil }
    let shift = questionTokens - ranges[window].lowerBound
    return (start + shift, end + shift)
  }

  /// Whether a window holds a part of an answer.
  public func hasPart(of answer: Range<Int>, window: Int) -> Bool {
    offsets[ranges[window]].contains { $0.overlaps(answer) }
  }
}

extension Encoding {
  /// The same without tokens of a run that are not in a part of it.
  fileprivate func keeping(_ part: Range<Int>, of run: [Int]) -> Encoding {
    var encoding = self
    guard let first = run.first, let last = run.last else { return self }
    for cut in [part.upperBound..<last + 1, first..<part.lowerBound] {
      encoding.ids.removeSubrange(cut)
      encoding.tokenTypeIDs.removeSubrange(cut)
      encoding.tokens.removeSubrange(cut)
      encoding.offsets.removeSubrange(cut)
      encoding.sequence.removeSubrange(cut)
      encoding.words.removeSubrange(cut)
    }
    return encoding
  }
}

/// Why a question cannot be read with its context.
public enum QuestionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No token of the context has room; the question has so many, the specials included.
  case noRoom(question: Int, limit: Int)
  case tokenizer(TokenizerError)

  public var description: String {
    switch self {
    case .noRoom(let question, let limit):
      "the question takes \(question) tokens with its specials, and leaves no room for the context in \(limit)."
    case .tokenizer(let error): error.description
    }
  }
}
