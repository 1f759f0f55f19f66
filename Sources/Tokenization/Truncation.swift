/// How many tokens of a text and its pair stay when both must fit into `room`:
/// `longest_first`, in each variant's arithmetic.
///
/// The two differ in who gives up the odd token.
struct Truncation: Sendable {
  let variant: DebertaV2Tokenizer.Variant

  func kept(text: Int, pair: Int?, room: Int) -> (text: Int, pair: Int) {
    guard text + (pair ?? 0) > room else { return (text, pair ?? 0) }
    guard let pair else { return (room, 0) }
    return switch variant {
    case .slow: slow(text, pair, room)
    case .fast: fast(text, pair, room)
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
