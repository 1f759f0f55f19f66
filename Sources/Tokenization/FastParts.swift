/// The first steps of a fast tokenizer: added tokens are matched in the original text, then those marked `normalized`
/// in the normalized rest.
///
/// - SeeAlso: `AddedVocabulary::extract_and_normalize` (tokenizers/src/tokenizer/added_vocabulary.rs).
struct FastParts: Sendable {
  private let normalizer: FastNormalizer
  private let plain: FastTokenCutter
  private let normalized: FastTokenCutter

  init(_ normalizer: FastNormalizer, _ added: [AddedToken], _ settings: TokenizerSettings) {
    let tokens = added.filter { !(settings.splitsSpecialTokens && $0.isSpecial) }
    self.normalizer = normalizer
    plain = FastTokenCutter(tokens.filter { !$0.isNormalized })
    normalized = FastTokenCutter(
      tokens.filter(\.isNormalized).map { token in
        var token = token
        token.content = normalizer.normalized(token.content)
        return token
      })
  }

  /// The length of a normalized text in bytes.
  func normalizedCount(of text: [UInt8]) -> Int {
    text.withUnsafeBufferPointer { normalizer.normalized(AlignedText($0, $0.indices, scalars: 0)).count }
  }

  /// Calls `body` with each part and the text that contains it, in order.
  func forEach(of text: [UInt8], _ body: (AlignedText, TextPart) -> Void) {
    text.withUnsafeBufferPointer { text in
      var scalars = 0
      for part in plain.cut(text) {
        let aligned = AlignedText(text, part.bytes, scalars: scalars)
        scalars = aligned.source.upperBound
        if part.token != nil {
          body(aligned, TextPart(bytes: aligned.bytes.indices, token: part.token))
          continue
        }
        let rest = normalizer.normalized(aligned)
        for part in rest.bytes.withUnsafeBufferPointer({ normalized.cut($0) }) where !part.bytes.isEmpty {
          body(rest, part)
        }
      }
    }
  }
}

extension Vocabulary {
  /// The added tokens with a fast tokenizer's ids. Those that are not pieces get ids after the last piece, in order,
  /// whatever ids the settings contain (`AddedVocabulary::add_tokens`).
  var addedAsFast: [AddedToken] {
    var next = Int32(model.count)
    return added.map { token in
      var token = token
      if let id = model.id(of: Array(token.content.utf8)) {
        token.id = id
      } else {
        token.id = next
        next += 1
      }
      return token
    }
  }
}
