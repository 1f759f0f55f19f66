/// The letters in which byte-level tokenizers write bytes: a visible character for each of the 256.
///
/// Visible ASCII and most of Latin-1 stand for themselves; the others, in their order, are U+0100 and what follows. So a
/// space is `Ġ` and a line feed `Ċ`.
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

  /// By letter, which is less than U+0144; -1 for what is none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, letter) in letters.enumerated() { bytes[Int(letter.value)] = Int16(byte) }
    return bytes
  }()

  /// The byte that a letter stands for; nil for what is no letter of the alphabet.
  static func byte(of letter: Unicode.Scalar) -> UInt8? {
    guard letter.value < bytes.count else { return nil }
    let byte = bytes[Int(letter.value)]
    return byte < 0 ? nil : UInt8(byte)
  }

  /// The bytes that a piece stands for; characters that are no letters stand for themselves.
  static func bytes(of piece: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for scalar in piece.unicodeScalars {
      if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += Array(String(scalar).utf8) }
    }
    return bytes
  }
}
