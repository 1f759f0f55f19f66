/// A text, or a pair of texts, as a model reads it: one entry a token in every array.
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

  /// The piece of each id, as ``DebertaV2Tokenizer/piece(of:)`` gives it.
  public var tokens: [String]

  /// Where each token comes from: Unicode scalars of its own text, without the
  /// space that a piece begins with. Empty (`0..<0`) for the specials that
  /// were put around the texts.
  ///
  /// All pieces of a character that fell back to bytes name that character.
  /// A piece that is nothing but a space is empty, and stands where the next begins.
  public var offsets: [Range<Int>]

  /// 0 for the text, 1 for the pair, nil for the specials put around them.
  public var sequence: [Int?]

  /// The word, counted within its sequence, in which each token begins; nil
  /// for the specials, and for a token that begins in no word.
  ///
  /// A word is a run of scalars that are not white space, as Python's
  /// `str.split()` cuts.
  public var words: [Int?]

  /// How many words the whole text, and the whole pair, have: truncated ones included. Of a text of more than a
  /// megabyte that was truncated only those that were read count.
  public var wordCounts: [Int]

  /// How many tokens of both texts were dropped to respect the maximum length; at least so many, for texts of more than
  /// a megabyte, which are not read to their end.
  public var truncatedTokens: Int
}
