/// The reference variant whose ids a tokenizer returns.
///
/// They differ in rare cases.
public enum TokenizerVariant: String, Sendable, CaseIterable {
  /// `DebertaTokenizer` and `DebertaV2Tokenizer`. The published models were trained with these ids.
  case slow

  /// `DebertaTokenizerFast` and `DebertaV2TokenizerFast`.
  ///
  /// For DeBERTa-v2 and v3: as converted from `spm.model`, without byte fallback, so that an unknown character becomes
  /// `[UNK]`; literal byte pieces ("<0x41>") match in the text. For v1 only added tokens and the truncation of pairs
  /// differ.
  case fast
}

/// The two kinds of DeBERTa tokenizers.
public enum TokenizerFamily: Sendable, Hashable {
  /// For v2 and v3.
  case sentencePiece
  /// For v1.
  case byteLevel
}
