/// A streaming JSON (RFC 8259) parser, driven by the expected structure.
///
/// As in Python's `json`, `NaN`, `Infinity` and `-Infinity` are numbers.
///
/// Only requested values are built, so the cost of hostile text is a single pass over it. Stricter than most readers
/// where they disagree: duplicate keys in an object, invalid UTF-8, unpaired surrogates and control characters in
/// strings are errors.
struct JSONReader {
  private let bytes: [UInt8]
  private let file: String
  private var position = 0
  private var containers = 0
  private var values = 0
  private let valueLimit: Int

  /// - Parameter limit: the maximum number of members and elements, over all objects and lists.
  /// - Throws: ``CheckpointError/json(_:file:)`` if `bytes` are not UTF-8.
  init(_ bytes: [UInt8], file: String, values limit: Int = .max) throws(CheckpointError) {
    self.bytes = bytes
    self.file = file
    valueLimit = limit
    guard String(validating: bytes, as: UTF8.self) != nil else { throw .json(.notUTF8, file: file) }
  }

  /// Reads an object; `member` must read each key's value.
  mutating func object(
    _ member: (inout JSONReader, String) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    try expect("{")
    try countContainer()
    if skip("}") { return }
    var keys: Set<String> = []
    repeat {
      try countValue()
      let key = try string()
      guard keys.insert(key).inserted else { throw .json(.duplicateKey(key), file: file) }
      try expect(":")
      try member(&self, key)
    } while skip(",")
    try expect("}")
  }

  /// Reads an array; `element` must read each element.
  mutating func array(_ element: (inout JSONReader) throws(CheckpointError) -> Void) throws(CheckpointError) {
    try expect("[")
    try countContainer()
    if skip("]") { return }
    repeat {
      try countValue()
      try element(&self)
    } while skip(",")
    try expect("]")
  }

  private mutating func countContainer() throws(CheckpointError) {
    containers += 1
    guard containers <= Limits.jsonContainers else {
      throw .overLimit(.jsonContainers, found: containers, limit: Limits.jsonContainers, file: file)
    }
  }

  private mutating func countValue() throws(CheckpointError) {
    values += 1
    guard values <= valueLimit else {
      throw .overLimit(.jsonValues, found: values, limit: valueLimit, file: file)
    }
  }

  /// Reads an integer from 0 to the largest `Int`.
  mutating func count() throws(CheckpointError) -> Int {
    let start = try next()
    var value = 0
    while position < bytes.count, let digit = digit(bytes[position]) {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw .json(.notACount(at: start), file: file) }
      value = sum
      position += 1
    }
    let length = position - start
    let continues =
      position < bytes.count && [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(bytes[position])
    guard length > 0, length == 1 || bytes[start] != UInt8(ascii: "0"), !continues else {
      throw .json(.notACount(at: start), file: file)
    }
    return value
  }

  /// Reads a string.
  mutating func string() throws(CheckpointError) -> String {
    guard try bytes[next()] == UInt8(ascii: "\"") else { throw unexpected("a string") }
    position += 1
    var text: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        // The whole input is UTF-8, and escapes are encoded as UTF-8.
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try text.append(contentsOf: escaped())
      case 0..<0x20: throw .json(.controlCharacter(at: position - 1), file: file)
      default: text.append(byte)
      }
    }
    throw .json(.endsEarly, file: file)
  }

  /// Checks that only white space is left.
  mutating func finish() throws(CheckpointError) {
    skipSpace()
    guard position == bytes.count else { throw .json(.trailingText(at: position), file: file) }
  }

  /// Skips a value.
  mutating func skipValue(depth: Int = 0) throws(CheckpointError) {
    guard depth < Limits.jsonDepth else { throw .json(.tooDeep(limit: Limits.jsonDepth), file: file) }
    switch try bytes[next()] {
    case UInt8(ascii: "{"):
      try object { (reader, _) throws(CheckpointError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "["):
      try array { (reader) throws(CheckpointError) in try reader.skipValue(depth: depth + 1) }
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: if try notFinite() == nil { try number() }
    }
  }

  /// Reads a value of any type.
  mutating func value(depth: Int = 0) throws(CheckpointError) -> JSONValue {
    guard depth < Limits.jsonDepth else { throw .json(.tooDeep(limit: Limits.jsonDepth), file: file) }
    switch try bytes[next()] {
    case UInt8(ascii: "{"):
      var members: [String: JSONValue] = [:]
      try object { (reader, key) throws(CheckpointError) in members[key] = try reader.value(depth: depth + 1) }
      return .object(members)
    case UInt8(ascii: "["):
      var elements: [JSONValue] = []
      try array { (reader) throws(CheckpointError) in elements.append(try reader.value(depth: depth + 1)) }
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"):
      try word("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try word("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try word("null")
      return .null
    default:
      if let number = try notFinite() { return .number(number) }
      let start = position
      try number()
      let text = String(decoding: bytes[start..<position], as: UTF8.self)
      if let integer = Int(text) { return .integer(integer) }
      guard let number = Double(text) else {
        throw .json(.unexpected(byte: bytes[start], expected: "a number", at: start), file: file)
      }
      return .number(number)
    }
  }

  // MARK: - Pieces

  /// Reads Python's words for numbers that are not finite; nil, without reading anything, if there is none.
  private mutating func notFinite() throws(CheckpointError) -> Double? {
    let isNegative = bytes[position] == UInt8(ascii: "-")
    let first = isNegative ? position + 1 : position
    guard first < bytes.count else { return nil }
    switch bytes[first] {
    case UInt8(ascii: "N") where !isNegative:
      try word("NaN")
      return .nan
    case UInt8(ascii: "I"):
      position = first
      try word("Infinity")
      return isNegative ? -.infinity : .infinity
    default: return nil
    }
  }

  private mutating func number() throws(CheckpointError) {
    let start = position
    func fail() -> CheckpointError {
      .json(.unexpected(byte: bytes[start], expected: "a value", at: start), file: file)
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let whole = position
    guard digits() > 0 else { throw fail() }
    guard position - whole == 1 || bytes[whole] != UInt8(ascii: "0") else { throw fail() }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard digits() > 0 else { throw fail() }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count, bytes[position] == UInt8(ascii: "-") || bytes[position] == UInt8(ascii: "+") {
        position += 1
      }
      guard digits() > 0 else { throw fail() }
    }
  }

  private mutating func digits() -> Int {
    let start = position
    while position < bytes.count, digit(bytes[position]) != nil { position += 1 }
    return position - start
  }

  private func digit(_ byte: UInt8) -> Int? {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? Int(byte - UInt8(ascii: "0")) : nil
  }

  private mutating func word(_ word: StaticString) throws(CheckpointError) {
    let end = position + word.utf8CodeUnitCount
    guard end <= bytes.count else { throw .json(.endsEarly, file: file) }
    let found = word.withUTF8Buffer { bytes[position..<end].elementsEqual($0) }
    guard found else { throw unexpected("a value") }
    position = end
  }

  private mutating func escaped() throws(CheckpointError) -> [UInt8] {
    guard position < bytes.count else { throw .json(.endsEarly, file: file) }
    let start = position - 1
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var units = [try hexadecimal(from: start)]
      if UTF16.isLeadSurrogate(units[0]), bytes[position...].starts(with: [UInt8(ascii: "\\"), UInt8(ascii: "u")]) {
        position += 2
        units.append(try hexadecimal(from: start))
      }
      guard let text = String(validating: units, as: UTF16.self) else { break }
      return Array(text.utf8)
    default: break
    }
    throw .json(.invalidEscape(at: start), file: file)
  }

  private mutating func hexadecimal(from start: Int) throws(CheckpointError) -> UInt16 {
    guard bytes.count - position >= 4 else { throw .json(.endsEarly, file: file) }
    var unit: UInt16 = 0
    for byte in bytes[position..<position + 4] {
      guard let value = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw .json(.invalidEscape(at: start), file: file)
      }
      unit = unit << 4 | UInt16(value)
    }
    position += 4
    return unit
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  /// The position of the next byte that is not white space.
  private mutating func next() throws(CheckpointError) -> Int {
    skipSpace()
    guard position < bytes.count else { throw .json(.endsEarly, file: file) }
    return position
  }

  private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ scalar: Unicode.Scalar) throws(CheckpointError) {
    guard try bytes[next()] == UInt8(ascii: scalar) else { throw unexpected("'\(scalar)'") }
    position += 1
  }

  private func unexpected(_ expected: String) -> CheckpointError {
    .json(.unexpected(byte: bytes[position], expected: expected, at: position), file: file)
  }
}
