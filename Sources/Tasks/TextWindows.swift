public import Checkpoints
public import Tokenization

/// A text, with an optional second one, as the model reads it: in full, or in windows that fit.
///
/// Each window contains one of the texts in full, and a part of the other one:
/// `[CLS] question [SEP] part of the context [SEP]`, or `[CLS] part of the text [SEP]`. Consecutive windows overlap, so
/// that what is at the edge of one is complete in the next. Training, evaluation and prediction read long texts this
/// way.
///
/// Concretely, for a text with tokens a b c d e, room for 3 and an overlap of 1: a b c, c d e.
public struct TextWindows: Sendable, Hashable {
  /// The tokens without a limit; of a truncated text, those that are left.
  public let whole: Encoding
  /// The windows; at least one.
  public let encodings: [Encoding]
  /// Each window's token range in the split text.
  public let ranges: [Range<Int>]
  /// The range of each token of the split text, in scalars.
  private let offsets: [Range<Int>]
  /// The number of tokens before the split text.
  private let first: Int

  /// A text in a single window.
  public init(_ encoding: Encoding) {
    whole = encoding
    encodings = [encoding]
    let tokens = encoding.sequence.indices.filter { encoding.sequence[$0] == 0 }
    ranges = [0..<tokens.count]
    offsets = tokens.map { encoding.offsets[$0] }
    first = tokens.first ?? encoding.ids.count
  }

  /// Windows over a question's context.
  ///
  /// - Parameters:
  ///   - question: the first text, included in full in every window.
  ///   - context: the second text.
  ///   - tokenizer: the model's tokenizer.
  ///   - maximumLength: the maximum number of tokens in a window, including special ones; nil for one window without a
  ///     limit.
  ///   - shared: the number of context tokens shared by consecutive windows (`doc_stride`); nil: half a window, but at
  ///     most 128, or half of the room that the question leaves.
  ///   - limit: the maximum number of tokens of all windows together.
  /// - Throws: `WindowError`.
  public init(
    question: String, context: String, _ tokenizer: any Tokenizer, maximumLength: Int?, shared: Int? = nil,
    limit: Int = Limits.textTokens
  ) throws(WindowError) {
    let whole: Encoding
    do { whole = try tokenizer.encode(question, pair: context) } catch { throw .tokenizer(error) }
    try self.init(whole, moving: 1, maximumLength: maximumLength, limit: limit) { room throws(WindowError) in
      guard let shared else {
        let usual = min((maximumLength ?? 0) / 2, 128)
        return usual < room ? usual : room / 2
      }
      guard shared < room else { throw .stride(shared, room: room, isQuestion: true) }
      return shared
    }
  }

  /// Windows over a text, each with all of its pair.
  ///
  /// - Parameters:
  ///   - text: the first text.
  ///   - pair: the second text.
  ///   - tokenizer: the model's tokenizer.
  ///   - maximumLength: the maximum number of tokens in a window, including special ones; nil for one window without a
  ///     limit.
  ///   - shared: the number of tokens of the text shared by consecutive windows (`stride`).
  ///   - limit: the maximum number of tokens of all windows together.
  /// - Throws: `WindowError`.
  public init(
    text: String, pair: String?, _ tokenizer: any Tokenizer, maximumLength: Int?, shared: Int,
    limit: Int = Limits.textTokens
  ) throws(WindowError) {
    let whole: Encoding
    do { whole = try tokenizer.encode(text, pair: pair) } catch { throw .tokenizer(error) }
    try self.init(whole, moving: 0, maximumLength: maximumLength, limit: limit) { room throws(WindowError) in
      guard shared < room else { throw .stride(shared, room: room, isQuestion: false) }
      return shared
    }
  }

  /// - Parameters:
  ///   - moving: which text is split, 0 or 1.
  ///   - limit: the maximum number of tokens of all windows together.
  ///   - shared: the number of shared tokens, given the room for the split text.
  private init(
    _ whole: Encoding, moving: Int, maximumLength: Int?, limit: Int, shared: (Int) throws(WindowError) -> Int
  ) throws(WindowError) {
    let tokens = whole.sequence.indices.filter { whole.sequence[$0] == moving }
    let first = tokens.first ?? whole.ids.count
    self.first = first
    self.whole = whole
    offsets = tokens.map { whole.offsets[$0] }
    guard let maximumLength, whole.ids.count > maximumLength else {
      ranges = [0..<tokens.count]
      encodings = [whole]
      return
    }
    let fixed = whole.ids.count - tokens.count
    let room = maximumLength - fixed
    guard room > 0 else { throw .noRoom(taken: fixed, limit: maximumLength, isQuestion: moving == 1) }
    let step = room - (try shared(room))
    // All windows but the last are full, and the last ends with the text; none is made before they are counted.
    let count = 1 + (tokens.count - room + step - 1) / step
    let last = tokens.count - (count - 1) * step
    let (full, overflow) = (count - 1).multipliedReportingOverflow(by: maximumLength)
    let all = overflow ? Int.max : full + fixed + last
    guard all <= limit else { throw .tooMany(windows: count, tokens: all, limit: limit, isQuestion: moving == 1) }
    ranges = (0..<count).map { $0 * step..<min($0 * step + room, tokens.count) }
    encodings = ranges.map { whole.keeping(first + $0.lowerBound..<first + $0.upperBound, of: tokens) }
  }

  /// The tokens that the model reads, in all windows.
  public var tokenCount: Int { encodings.reduce(0) { $0 + $1.ids.count } }

  /// For each token of the split text, the window in which it has the most context, and its index there.
  ///
  /// The ends of the text do not count as edges: no context is missing there.
  public var bestPlaces: [(window: Int, token: Int)] {
    guard let last = ranges.last else { return [] }
    var best: [(window: Int, token: Int, around: Int)] = []
    for (window, range) in ranges.enumerated() {
      for token in range {
        let before = range.lowerBound == 0 ? .max : token - range.lowerBound
        let after = range.upperBound == last.upperBound ? .max : range.upperBound - 1 - token
        let place = (window, first + token - range.lowerBound, min(before, after))
        if token == best.count {
          best.append(place)
        } else if place.2 > best[token].around {
          best[token] = place
        }
      }
    }
    return best.map { ($0.window, $0.token) }
  }

  /// The first and the last token of an answer in a window.
  ///
  /// - Parameters:
  ///   - answer: its range in the split text, in scalars.
  ///   - window: the index of the window.
  /// - Returns: nil, if the window does not contain all of it.
  public func tokens(of answer: Range<Int>, window: Int) -> (start: Int, end: Int)? {
    guard let start = offsets.firstIndex(where: { $0.overlaps(answer) }),
      let end = offsets.lastIndex(where: { $0.overlaps(answer) }),
      ranges[window].contains(start), ranges[window].contains(end)
    else { return nil }
    let shift = first - ranges[window].lowerBound
    return (start + shift, end + shift)
  }

  /// Whether a window contains a part of an answer.
  public func hasPart(of answer: Range<Int>, window: Int) -> Bool {
    offsets[ranges[window]].contains { $0.overlaps(answer) }
  }
}

extension Encoding {
  /// The same without tokens of a run that are outside a part of it.
  fileprivate func keeping(_ part: Range<Int>, of run: [Int]) -> Encoding {
    guard let first = run.first, let last = run.last else { return self }
    func kept<Element>(_ all: [Element]) -> [Element] { Array(all[..<first] + all[part] + all[(last + 1)...]) }
    var encoding = self
    encoding.ids = kept(ids)
    encoding.tokenTypeIDs = kept(tokenTypeIDs)
    encoding.tokens = kept(tokens)
    encoding.offsets = kept(offsets)
    encoding.sequence = kept(sequence)
    encoding.words = kept(words)
    return encoding
  }
}

/// Why a text cannot be split into windows.
public enum WindowError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No token of the split text fits; the rest of the window takes this many, including special tokens.
  case noRoom(taken: Int, limit: Int, isQuestion: Bool)
  /// Consecutive windows would share more tokens than fit into one.
  case stride(Int, room: Int, isQuestion: Bool)
  /// The windows have more tokens together than one text may.
  case tooMany(windows: Int, tokens: Int, limit: Int, isQuestion: Bool)
  case tokenizer(TokenizerError)

  public var description: String {
    switch self {
    case .noRoom(let taken, let limit, isQuestion: true):
      "the question takes \(taken) tokens with its specials, and leaves no room for the context in \(limit). Raise the "
        + "maximum length: --max-length, or max_seq_len in a request."
    case .noRoom(let taken, let limit, isQuestion: false):
      "what stands beside the text takes \(taken) tokens with its specials, and leaves no room for the text in "
        + "\(limit). Raise the maximum length (--max-length)."
    case .stride(let stride, let room, let isQuestion):
      "windows cannot share \(stride) tokens: each has room for \(room) of the \(isQuestion ? "context" : "text"). "
        + "Lower the stride (--stride), or raise the maximum length (--max-length)."
    case .tooMany(let windows, let tokens, let limit, let isQuestion):
      "the \(isQuestion ? "context" : "text") makes \(windows) windows of \(tokens) tokens together; at most \(limit) "
        + "are computed. Lower --stride, so that windows share fewer tokens, or send a shorter "
        + "\(isQuestion ? "context" : "text")."
    case .tokenizer(let error): error.description
    }
  }
}
