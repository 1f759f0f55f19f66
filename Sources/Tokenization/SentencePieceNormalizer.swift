/// How a SentencePiece model normalizes a text (`NormalizerSpec`, sentencepiece_model.proto).
struct SentencePieceNormalization: Sendable {
  var charsmap = Charsmap()
  /// Prepends a space (`add_dummy_prefix`).
  var addsLeadingSpace = true
  /// Trims spaces at both ends and collapses runs (`remove_extra_whitespaces`).
  var removesExtraSpaces = true
  /// Replaces spaces by U+2581 (`escape_whitespaces`).
  var escapesSpaces = true
  /// Appends the added space instead (`TrainerSpec.treat_whitespace_as_suffix`).
  var addsSpaceAtEnd = false
}

/// SentencePiece's normalization: the charsmap, spaces as U+2581, and the source of every byte.
///
/// Source: `Normalizer::Normalize`, `NormalizePrefix` (sentencepiece 0.2, src/normalizer.cc).
struct SentencePieceNormalizer: Sendable {
  /// U+2581.
  static let spaceSymbol: [UInt8] = [0xE2, 0x96, 0x81]
  private static let space = UInt8(ascii: " ")

  private let settings: SentencePieceNormalization
  /// User-defined pieces, which are not normalized.
  private let kept: ByteTrie

  /// - Parameter kept: strings that are not normalized.
  init(_ settings: SentencePieceNormalization, keeping kept: ByteTrie = ByteTrie()) {
    self.settings = settings
    self.kept = kept
  }

  /// `text[range]`, normalized. Source bytes are counted from the start of `text`.
  ///
  /// - Complexity: O(bytes).
  func normalized(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> NormalizedText {
    var position = range.lowerBound
    while settings.removesExtraSpaces, position < range.upperBound {
      let (end, target) = prefix(text, position, range.upperBound)
      guard target.map(Self.isSpace) ?? Self.isSpace(text[position..<end]) else { break }
      position = end
    }
    guard position < range.upperBound else { return NormalizedText() }
    var result = NormalizedText()
    result.reserve(range.upperBound - position + 8)
    if settings.addsLeadingSpace, !settings.addsSpaceAtEnd { appendSpace(to: &result, from: position) }

    var followsSpace = settings.removesExtraSpaces
    while position < range.upperBound {
      let (end, target) = prefix(text, position, range.upperBound)
      func append(_ bytes: some BidirectionalCollection<UInt8>) {
        let rest = bytes.drop { followsSpace && $0 == Self.space }
        self.append(rest, to: &result, from: position)
        if !rest.isEmpty { followsSpace = rest.last == Self.space && settings.removesExtraSpaces }
      }
      if let target { append(target) } else { append(text[position..<end]) }
      position = end
    }
    if settings.removesExtraSpaces { position = removeTrailingSpaces(of: &result, end: position) }
    if settings.addsLeadingSpace, settings.addsSpaceAtEnd { appendSpace(to: &result, from: position) }
    result.end = position
    return result
  }

  /// Replaces U+2581 by spaces.
  static func withSpaces(_ piece: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = piece
    while let byte = rest.first {
      if byte == spaceSymbol[0], rest.starts(with: spaceSymbol) {
        result.append(space)
        rest = rest.dropFirst(spaceSymbol.count)
      } else {
        result.append(byte)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// The first unit of normalization: a kept string, the longest key of the charsmap, or a character.
  ///
  /// - Returns: its end and its normalization; nil: unchanged.
  private func prefix(
    _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ limit: Int
  ) -> (end: Int, target: ArraySlice<UInt8>?) {
    if !kept.isEmpty, let match = kept.longestPrefix(of: text, from: start, to: limit) { return (match.end, nil) }
    if let match = settings.charsmap.longestKey(in: text, start..<limit) { return (match.end, match.target) }
    return (min(UTF8Text.scalar(of: text, at: start).end, limit), nil)
  }

  private static func isSpace(_ bytes: some Collection<UInt8>) -> Bool { bytes.count == 1 && bytes.first == space }

  private func append(_ bytes: some Collection<UInt8>, to result: inout NormalizedText, from source: Int) {
    for byte in bytes {
      if byte == Self.space {
        appendSpace(to: &result, from: source)
      } else {
        result.append(byte, from: source)
      }
    }
  }

  private func appendSpace(to result: inout NormalizedText, from source: Int) {
    guard settings.escapesSpaces else { return result.append(Self.space, from: source) }
    for byte in Self.spaceSymbol { result.append(byte, from: source) }
  }

  /// - Returns: the end of the remaining text's source.
  private func removeTrailingSpaces(of result: inout NormalizedText, end: Int) -> Int {
    let space = settings.escapesSpaces ? Self.spaceSymbol : [Self.space]
    var end = end
    while result.bytes.count >= space.count, result.bytes.suffix(space.count).elementsEqual(space) {
      end = result.sources[result.bytes.count - space.count]
      result.removeLast(space.count)
    }
    return end
  }
}
