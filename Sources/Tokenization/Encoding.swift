/// An encoded text, or pair of texts, with one entry per token in every array.
///
/// Concretely, for `encode("a word", pair: "b")`:
///
///     tokens        [CLS]  ▁a    ▁word  [SEP]  ▁b    [SEP]
///     tokenTypeIDs  0      0     0      0      1     1
///     offsets       0..<0  0..<1 2..<6  0..<0  0..<1 0..<0
///     sequence      nil    0     0      nil    1     nil
///     words         nil    0     1      nil    0     nil
public struct Encoding: Sendable, Hashable {
  public var ids: [Int32]

  /// 0 for the text with its `[CLS]` and `[SEP]`, 1 for the pair with its `[SEP]`.
  public var tokenTypeIDs: [Int32]

  /// The piece of each id, as in ``DebertaV2Tokenizer/piece(of:)``.
  public var tokens: [String]

  /// The range of each token in Unicode scalars of its own text, without the leading space of a piece.
  ///
  /// Empty (`0..<0`) for the special tokens around the texts.
  ///
  /// If a character falls back to bytes, all of its pieces have its range. A piece that is only a space is empty, at
  /// the start of the next one.
  public var offsets: [Range<Int>]

  /// 0 for the text, 1 for the pair, nil for the special tokens around them.
  public var sequence: [Int?]

  /// The index of the word, within its sequence, in which each token begins; nil for special tokens, and for tokens
  /// that do not begin in a word.
  ///
  /// Words are separated by white space, as in Python's `str.split()`.
  public var words: [Int?]

  /// The number of words in the whole text and the whole pair, including truncated ones.
  ///
  /// For a truncated text of more than a megabyte, only the words that were read.
  public var wordCounts: [Int]

  /// The number of truncated tokens of both texts; a lower bound for texts of more than a megabyte, which are not read
  /// to the end.
  public var truncatedTokens: Int
}
