/// The fields of a protocol buffer message.
struct WireFormat {
  struct Fault: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
    static let truncated = Fault("the protocol buffer ends inside a field")
  }

  enum Value {
    case varint(UInt64)
    case fixed64
    case bytes(ArraySlice<UInt8>)
    case fixed32(UInt32)
  }

  private var bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// - Throws: `Fault` if a field exceeds the message, or has a wire type unknown to proto2.
  mutating func next() throws(Fault) -> (number: UInt64, value: Value)? {
    guard !bytes.isEmpty else { return nil }
    let tag = try varint()
    switch tag & 7 {
    case 0: return (tag >> 3, .varint(try varint()))
    case 1:
      _ = try take(8)
      return (tag >> 3, .fixed64)
    case 2:
      guard let count = Int(exactly: try varint()) else { throw .truncated }
      return (tag >> 3, .bytes(try take(count)))
    case 5: return (tag >> 3, .fixed32(try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }))
    default: throw .truncated
    }
  }

  private mutating func varint() throws(Fault) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard let byte = bytes.popFirst() else { throw .truncated }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw .truncated
  }

  private mutating func take(_ count: Int) throws(Fault) -> ArraySlice<UInt8> {
    guard count <= bytes.count else { throw .truncated }
    defer { bytes = bytes.dropFirst(count) }
    return bytes.prefix(count)
  }
}
