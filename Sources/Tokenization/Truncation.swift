/// Which of a text and its pair is truncated.
public enum TruncationStrategy: String, Sendable, CaseIterable {
  /// The longer one, until both have equal length.
  case longestFirst = "longest_first"
  /// The text.
  case onlyFirst = "only_first"
  /// The pair.
  case onlySecond = "only_second"
}

/// The number of tokens of a text and its pair kept within `room`, as computed by each variant.
///
/// With `longest_first` the two differ in which text loses the odd token.
struct Truncation: Sendable {
  let variant: TokenizerVariant
  let strategy: TruncationStrategy

  /// - Throws: ``TokenizerError/cannotTruncate(_:tokens:excess:)`` if the text to truncate would have no token left.
  func kept(text: Int, pair: Int?, room: Int) throws(TokenizerError) -> (text: Int, pair: Int) {
    let excess = text + (pair ?? 0) - room
    guard excess > 0 else { return (text, pair ?? 0) }
    switch strategy {
    case .longestFirst:
      guard let pair else { return (room, 0) }
      return variant == .slow ? slow(text, pair, room) : fast(text, pair, room)
    case .onlyFirst:
      guard excess < text else { throw .cannotTruncate(strategy, tokens: text, excess: excess) }
      return (text - excess, pair ?? 0)
    case .onlySecond:
      guard let pair, excess < pair else { throw .cannotTruncate(strategy, tokens: pair ?? 0, excess: excess) }
      return (text, pair - excess)
    }
  }

  /// The longer text is truncated until both are equal, then they alternate (`truncate_sequences`,
  /// transformers/tokenization_utils_base.py).
  private func slow(_ text: Int, _ pair: Int, _ room: Int) -> (text: Int, pair: Int) {
    let excess = text + pair - room
    let first = min(abs(text - pair), excess)
    let second = excess - first
    let half = second / 2
    return text > pair
      ? (text - first - half, pair - (second - half))
      : (text - half, pair - first - (second - half))
  }

  /// The shorter text is kept whole if it takes less than half of the room (`truncate_encodings`,
  /// tokenizers/src/utils/truncation.rs).
  private func fast(_ text: Int, _ pair: Int, _ room: Int) -> (text: Int, pair: Int) {
    var (short, long) = text <= pair ? (text, pair) : (pair, text)
    long = short > room ? short : max(short, room - short)
    if short + long > room {
      short = room / 2
      long = short + room % 2
    }
    return text <= pair ? (short, long) : (long, short)
  }
}
