public import Tokenization

/// A text, with or without a second one, as a model reads it: whole, or cut into windows that fit.
///
/// In each window one of the texts stands whole, and a part of the other one moves:
/// `[CLS] question [SEP] part of the context [SEP]`, or `[CLS] part of the text [SEP]`. Neighbors share tokens, so that
/// what lies at the edge of one is whole in the next. Training, evaluation and prediction read long texts so.
///
/// Concretely, for a text of the tokens a b c d e, of which 3 have room and 1 is shared: a b c, c d e.
public struct TextWindows: Sendable, Hashable {
  /// The texts without a limit; of a text that was cut, what is left of it.
  public let whole: Encoding
  /// What the model reads: one encoding at least.
  public let encodings: [Encoding]
  /// The tokens of the moving text that each window holds, counted in that text.
  public let ranges: [Range<Int>]
  /// Where every token of the moving text stands, in scalars.
  private let offsets: [Range<Int>]
  /// The tokens before the moving text.
  private let first: Int

  /// A text that is read at once.
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
  ///   - question: the first text; every window holds all of it.
  ///   - context: the second text.
  ///   - tokenizer: the model's.
  ///   - maximumLength: the most tokens of a window, specials included; nil for one window without a limit.
  ///   - shared: the tokens of the context that neighbors share (`doc_stride`); nil: half a window, 128 at most, or
  ///     half of the room that the question leaves.
  /// - Throws: `WindowError`.
  public init(
    question: String, context: String, _ tokenizer: any Tokenizer, maximumLength: Int?, shared: Int? = nil
  ) throws(WindowError) {
    let whole: Encoding
    do { whole = try tokenizer.encode(question, pair: context) } catch { throw .tokenizer(error) }
    try self.init(whole, moving: 1, maximumLength: maximumLength) { room throws(WindowError) in
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
  ///   - tokenizer: the model's.
  ///   - maximumLength: the most tokens of a window, specials included; nil for one window without a limit.
  ///   - shared: the tokens of the text that neighbors share (`stride`).
  /// - Throws: `WindowError`.
  public init(
    text: String, pair: String?, _ tokenizer: any Tokenizer, maximumLength: Int?, shared: Int
  ) throws(WindowError) {
    let whole: Encoding
    do { whole = try tokenizer.encode(text, pair: pair) } catch { throw .tokenizer(error) }
    try self.init(whole, moving: 0, maximumLength: maximumLength) { room throws(WindowError) in
      guard shared < room else { throw .stride(shared, room: room, isQuestion: false) }
      return shared
    }
  }

  /// - Parameters:
  ///   - moving: which of the texts moves, 0 or 1.
  ///   - shared: the tokens that neighbors share, by the room for tokens of the moving text.
  private init(
    _ whole: Encoding, moving: Int, maximumLength: Int?, shared: (Int) throws(WindowError) -> Int
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
    ranges = Self.ranges(of: tokens.count, room: room, shared: try shared(room))
    encodings = ranges.map { whole.keeping(first + $0.lowerBound..<first + $0.upperBound, of: tokens) }
  }

  /// Runs of tokens, each as long as there is room; the last one ends with the tokens.
  private static func ranges(of count: Int, room: Int, shared: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for start in stride(from: 0, to: count, by: room - shared) {
      ranges.append(start..<min(start + room, count))
      if start + room >= count { break }
    }
    return ranges
  }

  /// For each token of the moving text, the window in which the most tokens stand around it, and its place there.
  ///
  /// The ends of the text itself are no edges: nothing is missing beyond them.
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
  ///   - answer: where it stands in the moving text, in scalars.
  ///   - window: the number of the window.
  /// - Returns: nil, if the window does not hold all of it.
  public func tokens(of answer: Range<Int>, window: Int) -> (start: Int, end: Int)? {
    guard let start = offsets.firstIndex(where: { $0.overlaps(answer) }),
      let end = offsets.lastIndex(where: { $0.overlaps(answer) }),
      ranges[window].contains(start), ranges[window].contains(end)
    else { return nil }
    let shift = first - ranges[window].lowerBound
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

/// Why a text cannot be read in windows.
public enum WindowError: Error, Hashable, Sendable, CustomStringConvertible {
  /// No token of the text that is cut has room; what stands beside it takes so many, the specials included.
  case noRoom(taken: Int, limit: Int, isQuestion: Bool)
  /// Neighbors would share more tokens than a window has room for.
  case stride(Int, room: Int, isQuestion: Bool)
  case tokenizer(TokenizerError)

  public var description: String {
    switch self {
    case .noRoom(let taken, let limit, isQuestion: true):
      "the question takes \(taken) tokens with its specials, and leaves no room for the context in \(limit). Allow more "
        + "with --max-length."
    case .noRoom(let taken, let limit, isQuestion: false):
      "what stands beside the text takes \(taken) tokens with its specials, and leaves no room for the text in "
        + "\(limit). Allow more with --max-length."
    case .stride(let stride, let room, let isQuestion):
      "windows cannot share \(stride) tokens: each has room for \(room) of the \(isQuestion ? "context" : "text"). "
        + "Lower --stride, or allow more with --max-length."
    case .tokenizer(let error): error.description
    }
  }
}
