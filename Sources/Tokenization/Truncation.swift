/// Which of a text and its pair is shortened when both do not fit.
public enum TruncationStrategy: String, Sendable, CaseIterable {
  /// The longer of them, until both are equally long.
  case longestFirst = "longest_first"
  /// The text.
  case onlyFirst = "only_first"
  /// The pair.
  case onlySecond = "only_second"
}

/// How many tokens of a text and its pair stay when both must fit into `room`, in each variant's arithmetic.
///
/// With `longest_first` the two differ in who gives up the odd token.
struct Truncation: Sendable {
  let variant: TokenizerVariant
  let strategy: TruncationStrategy

  /// - Throws: ``TokenizerError/cannotTruncate(_:tokens:excess:)`` if the text that is to be shortened would have
  ///   no token left.
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

  /// The longer gives until both are equal, then they take turns
  /// (`truncate_sequences`, transformers/tokenization_utils_base.py).
  private func slow(_ text: Int, _ pair: Int, _ room: Int) -> (text: Int, pair: Int) {
    let excess = text + pair - room
    let first = min(abs(text - pair), excess)
    let second = excess - first
    let half = second / 2
    return text > pair
      ? (text - first - half, pair - (second - half))
      : (text - half, pair - first - (second - half))
  }

  /// The shorter stays whole if it takes less than half of the room
  /// (`truncate_encodings`, tokenizers/src/utils/truncation.rs).
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
