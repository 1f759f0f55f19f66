internal import CSentencePiece

/// A loaded `spm.model`, through the C face of libsentencepiece.
///
/// `@unchecked Sendable`, because: the pointer is set in `init` and never again;
/// after `csp_model_create` every function called on it takes `const CSPModel *`
/// and calls `const` members of `SentencePieceProcessor` only. In libsentencepiece
/// 0.1.97 `Encode`, `Decode`, `PieceToId` and `IdToPiece` read the trie, the
/// charsmap and the piece table and write to objects of the call alone (no
/// `mutable` members; the sampling generator is thread-local and unused here).
/// The model is freed in `deinit`, when no other thread can hold it.
final class SentencePieceModel: @unchecked Sendable {
  private let model: OpaquePointer

  /// The number of pieces, added tokens left out.
  let count: Int

  /// - Throws: ``TokenizerError/damagedModel(path:byteCount:reason:)`` when
  ///   libsentencepiece cannot load the bytes.
  init(_ bytes: [UInt8], path: String) throws(TokenizerError) {
    var message: UnsafeMutablePointer<CChar>?
    guard let model = bytes.withUnsafeBytes({ csp_model_create($0.baseAddress, $0.count, &message) }) else {
      throw .damagedModel(path: path, byteCount: bytes.count, reason: Self.take(message))
    }
    self.model = model
    count = Int(csp_piece_count(model))
  }

  deinit { csp_model_destroy(model) }

  /// The id of the unknown piece.
  var unknownID: Int32 { csp_unknown_id(model) }

  /// The UTF-8 of a piece; empty if there is no such id.
  func piece(_ id: Int32) -> UnsafeBufferPointer<UInt8> {
    var length = 0
    let text = csp_piece_text(model, id, &length)
    return UnsafeBufferPointer(start: UnsafeRawPointer(text)?.assumingMemoryBound(to: UInt8.self), count: length)
  }

  /// The id of exactly this piece; nil if the model has none.
  func id(of piece: [UInt8]) -> Int32? {
    let id = piece.withUnsafeBytes {
      csp_piece_id(model, $0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
    }
    return self.piece(id).elementsEqual(piece) ? id : nil
  }

  /// The id of this piece, or that of the unknown one.
  func idOrUnknown(of piece: UnsafeBufferPointer<UInt8>) -> Int32 {
    csp_piece_id(model, UnsafeRawPointer(piece.baseAddress)?.assumingMemoryBound(to: CChar.self), piece.count)
  }

  /// The pieces of `text[range]` as libsentencepiece cuts, and the normalised
  /// text. Source bytes are counted from the start of `text`.
  ///
  /// - Throws: ``TokenizerError/refused(reason:)``.
  func encode(
    _ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
  ) throws(TokenizerError) -> NormalizedText {
    guard !range.isEmpty, let base = text.baseAddress else { return NormalizedText() }
    var encoding = CSPEncoding()
    var message: UnsafeMutablePointer<CChar>?
    let start = UnsafeRawPointer(base + range.lowerBound).assumingMemoryBound(to: CChar.self)
    guard csp_encode(model, start, range.count, &encoding, &message) else {
      throw .refused(reason: Self.take(message))
    }
    defer { csp_encoding_free(&encoding) }
    var normalized = NormalizedText()
    normalized.bytes = Array(UnsafeRawBufferPointer(start: encoding.normalized, count: encoding.length))
    normalized.cuts.reserveCapacity(encoding.count)
    var position = 0
    for piece in UnsafeBufferPointer(start: encoding.pieces, count: encoding.count) {
      normalized.cuts.append(
        NormalizedText.Cut(
          id: piece.id, bytes: position..<position + Int(piece.size),
          source: range.lowerBound + Int(piece.begin)..<range.lowerBound + Int(piece.end)))
      position += Int(piece.size)
    }
    return normalized
  }

  /// The text of ids, all below ``count``, as `SentencePieceProcessor::Decode` joins them.
  ///
  /// - Throws: ``TokenizerError/refused(reason:)``.
  func decode(_ ids: [Int32]) throws(TokenizerError) -> String {
    var text: UnsafeMutablePointer<CChar>?
    var length = 0
    var message: UnsafeMutablePointer<CChar>?
    guard csp_decode(model, ids, ids.count, &text, &length, &message) else {
      throw .refused(reason: Self.take(message))
    }
    defer { csp_free(text) }
    return String(decoding: UnsafeRawBufferPointer(start: text, count: length), as: UTF8.self)
  }

  private static func take(_ message: UnsafeMutablePointer<CChar>?) -> String {
    guard let message else { return "no memory for the message" }
    defer { csp_free(message) }
    return String(cString: message)
  }
}
