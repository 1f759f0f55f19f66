/// The normalisation of `DebertaV2TokenizerFast`: lower case if asked, white space stripped from
/// both ends, the charsmap, runs of spaces made one.
///
/// - SeeAlso: `DebertaV2Converter.normalizer` (transformers/convert_slow_tokenizer.py);
///   tokenizers/src/normalizers/{strip,precompiled,replace}.rs.
struct FastNormalizer: Sendable {
  let charsmap: Charsmap
  let lowercases: Bool

  func normalized(_ text: AlignedText) -> AlignedText {
    var text = lowercases ? lowercased(text) : text
    text = stripped(text)
    text = mapped(text)
    return withSingleSpaces(text)
  }

  func normalized(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let aligned = bytes.withUnsafeBufferPointer { AlignedText($0, $0.indices, scalars: 0) }
    return String(decoding: normalized(aligned).bytes, as: UTF8.self)
  }

  private func lowercased(_ text: AlignedText) -> AlignedText {
    var lowered = AlignedText()
    text.bytes.withUnsafeBufferPointer { bytes in
      UTF8Text.forEachScalar(of: bytes, in: bytes.indices) { scalar, range in
        lowered.append(scalar.properties.lowercaseMapping.utf8, from: text.source(of: range))
      }
    }
    return lowered
  }

  private func stripped(_ text: AlignedText) -> AlignedText {
    let kept = text.bytes.withUnsafeBufferPointer { bytes in
      UTF8Text.trimmed(bytes, bytes.indices, where: \.properties.isWhitespace)
    }
    guard kept.count < text.count else { return text }
    var stripped = AlignedText()
    stripped.append(kept, of: text)
    return stripped
  }

  /// Every grapheme of fewer than six bytes is looked up whole, all others scalar by scalar.
  private func mapped(_ text: AlignedText) -> AlignedText {
    var mapped = AlignedText()
    mapped.reserve(text.count)
    text.bytes.withUnsafeBufferPointer { bytes in
      forEachGrapheme(of: bytes) { grapheme in
        if grapheme.count < 6, let target = charsmap.targetOfShortestKey(in: bytes, grapheme) {
          mapped.append(target, from: text.source(of: grapheme))
          return
        }
        UTF8Text.forEachScalar(of: bytes, in: grapheme) { _, scalar in
          if let target = charsmap.targetOfShortestKey(in: bytes, scalar) {
            mapped.append(target, from: text.source(of: scalar))
          } else {
            mapped.append(scalar, of: text)
          }
        }
      }
    }
    return mapped
  }

  private func forEachGrapheme(of bytes: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>) -> Void) {
    // In ASCII the only grapheme of two scalars is CR LF.
    if bytes.allSatisfy({ $0 < 0x80 && $0 != 0x0D }) {
      for index in bytes.indices { body(index..<index + 1) }
      return
    }
    var start = 0
    for grapheme in String(decoding: bytes, as: UTF8.self) {
      let end = start + grapheme.utf8.count
      body(start..<end)
      start = end
    }
  }

  private func withSingleSpaces(_ text: AlignedText) -> AlignedText {
    let space = UInt8(ascii: " ")
    var single = AlignedText()
    single.reserve(text.count)
    var position = 0
    while position < text.count {
      var end = position + 1
      if text.bytes[position] == space {
        while end < text.count, text.bytes[end] == space { end += 1 }
        single.append(CollectionOfOne(space), from: text.source(of: position..<end))
      } else {
        while end < text.count, text.bytes[end] != space { end += 1 }
        single.append(position..<end, of: text)
      }
      position = end
    }
    return single
  }
}
