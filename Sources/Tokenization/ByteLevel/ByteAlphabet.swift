/// The alphabet of byte-level tokenizers: a visible character for each of the 256 bytes.
///
/// Visible ASCII and most of Latin-1 map to themselves; the others, in order, to U+0100 and up. A space is `Ġ` and a
/// line feed `Ċ`.
///
/// Source: `bytes_to_unicode` (transformers/models/deberta/tokenization_deberta.py).
enum ByteAlphabet {
  /// By byte.
  static let letters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "\u{FFFD}"
      }
    }
  }()

  /// By letter, which is less than U+0144; -1 outside the alphabet.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, letter) in letters.enumerated() { bytes[Int(letter.value)] = Int16(byte) }
    return bytes
  }()

  /// The byte for a letter; nil for a character outside the alphabet.
  static func byte(of letter: Unicode.Scalar) -> UInt8? {
    guard letter.value < bytes.count else { return nil }
    let byte = bytes[Int(letter.value)]
    return byte < 0 ? nil : UInt8(byte)
  }

  /// The bytes of a piece; characters outside the alphabet are kept.
  static func bytes(of piece: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in piece.unicodeScalars {
      if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += Array(String(scalar).utf8) }
    }
    return bytes
  }
}
