/// Whose ids a tokenizer gives. They differ in rare cases.
public enum TokenizerVariant: String, Sendable, CaseIterable {
  /// `DebertaTokenizer` and `DebertaV2Tokenizer`. The published models were trained with these ids.
  case slow

  /// `DebertaTokenizerFast` and `DebertaV2TokenizerFast`.
  ///
  /// Of DeBERTa-v2 and v3: as converted from `spm.model`, without byte fallback, so that a character without a piece
  /// becomes `[UNK]`; literal byte pieces ("<0x41>") are found in the text. Of v1 only added tokens and the truncation
  /// of pairs differ.
  case fast
}

/// The two kinds of tokenizers of DeBERTa models.
public enum TokenizerFamily: Sendable, Hashable {
  /// Of v2 and v3.
  case sentencePiece
  /// Of v1.
  case byteLevel
}
