internal import Foundation

/// The normalization of `DebertaV2TokenizerFast`, step by step.
///
/// - SeeAlso: `DebertaV2Converter.normalizer` (transformers/convert_slow_tokenizer.py);
///   tokenizers/src/normalizers/{strip,precompiled,replace,unicode}.rs.
struct FastNormalizer: Sendable {
  enum Step: Sendable {
    case lowercase
    case strip(left: Bool, right: Bool)
    case charsmap(Charsmap)
    /// Replaces every occurrence of some bytes.
    case replace([UInt8], by: [UInt8])
    /// Replaces every run of two or more spaces.
    case joinSpaces(by: [UInt8])
    /// A Unicode normalization form, by name.
    case unicode(String)

    /// The maximum growth factor of a text.
    var growth: Double {
      switch self {
      case .strip: 1
      // At most, lower-casing a scalar yields three bytes for two, and a compatibility form 33 for three.
      case .lowercase: 1.5
      case .unicode: 11
      case .charsmap(let map): Double(max(1, map.longestTarget))
      case .replace(let pattern, let content): max(1, Double(content.count) / Double(max(1, pattern.count)))
      case .joinSpaces(let content): max(1, Double(content.count) / 2)
      }
    }
  }

  let steps: [Step]

  init(steps: [Step]) { self.steps = steps }

  /// The normalizer of a tokenizer converted from `spm.model`: optional lower-casing, white space trimmed from both
  /// ends, the charsmap, runs of spaces collapsed.
  init(charsmap: Charsmap, lowercases: Bool) {
    steps =
      (lowercases ? [.lowercase] : [])
      + [.strip(left: true, right: true), .charsmap(charsmap), .joinSpaces(by: [UInt8(ascii: " ")])]
  }

  func normalized(_ text: AlignedText) -> AlignedText {
    steps.reduce(text) { text, step in
      switch step {
      case .lowercase: lowercased(text)
      case .strip(let left, let right): stripped(text, left: left, right: right)
      case .charsmap(let map): mapped(text, map)
      case .replace(let pattern, let content): replacing(pattern, by: content, in: text)
      case .joinSpaces(let content): joiningSpaces(by: content, in: text)
      case .unicode(let form): inForm(form, text)
      }
    }
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

  private func stripped(_ text: AlignedText, left: Bool, right: Bool) -> AlignedText {
    let kept = text.bytes.withUnsafeBufferPointer { bytes in
      UTF8Text.trimmed(bytes, bytes.indices, atStart: left, atEnd: right, where: \.properties.isWhitespace)
    }
    guard kept.count < text.count else { return text }
    var stripped = AlignedText()
    stripped.append(kept, of: text)
    return stripped
  }

  /// Graphemes of fewer than six bytes are looked up whole, others scalar by scalar.
  private func mapped(_ text: AlignedText, _ charsmap: Charsmap) -> AlignedText {
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

  private func joiningSpaces(by content: [UInt8], in text: AlignedText) -> AlignedText {
    let space = UInt8(ascii: " ")
    var joined = AlignedText()
    joined.reserve(text.count)
    var position = 0
    while position < text.count {
      let isSpace = text.bytes[position] == space
      var end = position + 1
      while end < text.count, (text.bytes[end] == space) == isSpace { end += 1 }
      if isSpace, end - position > 1 {
        joined.append(content, from: text.source(of: position..<end))
      } else {
        joined.append(position..<end, of: text)
      }
      position = end
    }
    return joined
  }

  private func replacing(_ pattern: [UInt8], by content: [UInt8], in text: AlignedText) -> AlignedText {
    var replaced = AlignedText()
    replaced.reserve(text.count)
    var (start, position) = (0, 0)
    while position + pattern.count <= text.count {
      guard text.bytes[position..<position + pattern.count].elementsEqual(pattern) else {
        position += 1
        continue
      }
      replaced.append(start..<position, of: text)
      replaced.append(content, from: text.source(of: position..<position + pattern.count))
      position += pattern.count
      start = position
    }
    replaced.append(start..<text.count, of: text)
    return replaced
  }

  /// Characters neither compose nor reorder across grapheme boundaries.
  private func inForm(_ form: String, _ text: AlignedText) -> AlignedText {
    var normalized = AlignedText()
    normalized.reserve(text.count)
    text.bytes.withUnsafeBufferPointer { bytes in
      forEachGrapheme(of: bytes) { grapheme in
        let own = bytes[grapheme]
        guard own.contains(where: { $0 >= 0x80 }) else { return normalized.append(grapheme, of: text) }
        let character = String(decoding: own, as: UTF8.self)
        let changed =
          switch form {
          case "NFC": character.precomposedStringWithCanonicalMapping
          case "NFD": character.decomposedStringWithCanonicalMapping
          case "NFKC": character.precomposedStringWithCompatibilityMapping
          default: character.decomposedStringWithCompatibilityMapping
          }
        normalized.append(changed.utf8, from: text.source(of: grapheme))
      }
    }
    return normalized
  }
}
