internal import Checkpoints
internal import FoundationEssentials

/// Reads JSON objects: one per line, the elements of an array, or those of the list `data` of an object, which may span
/// several lines.
struct JSONRecordReader: RecordReader {
  private let lines: DataLines
  private var array: JSONArrayReader?
  /// The remaining records of a whole document.
  private var pending: ArraySlice<DataRecord> = []
  private var hasBegun = false

  init(lines: DataLines) { self.lines = lines }

  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    if let array { return try array.next() }
    if let record = pending.popFirst() { return .success(record) }
    while let line = try lines.next() {
      if line.isBlank { continue }
      if !hasBegun, let bytes = line.bytes, bytes.first(where: { !$0.isJSONSpace }) == UInt8(ascii: "[") {
        let array = JSONArrayReader(lines: lines, from: line)
        self.array = array
        return try array.next()
      }
      guard var bytes = line.bytes else { return .failure(lines.tooLong(line)) }
      if !hasBegun, bytes.isStartOfObject { try appendLines(to: &bytes, from: line) }
      let record = lines.record(bytes, at: line.number)
      defer { hasBegun = true }
      guard !hasBegun, case .success(let first) = record, let document = JSONDocument(first.values) else {
        return record
      }
      pending = document.records.map { DataRecord(path: lines.path, line: line.number, $0) }[...]
      return try next()
    }
    return nil
  }
}

extension JSONRecordReader {
  /// Appends lines up to the one that closes the object.
  private func appendLines(to bytes: inout ArraySlice<UInt8>, from first: DataLines.Line) throws(DatasetError) {
    var brackets = BracketCounter()
    brackets.count(bytes)
    while brackets.depth > 0, let line = try lines.next() {
      guard let next = line.bytes, bytes.count + next.count <= Limits.recordBytes else {
        throw .malformed(path: lines.path, line: first.number, reason: lines.tooLong(first).reason)
      }
      bytes.append(UInt8(ascii: "\n"))
      bytes += next
      brackets.count(next)
    }
  }
}

/// Counts open brackets in JSON text.
private struct BracketCounter {
  private(set) var depth = 0
  private var isQuoted = false
  private var isEscaped = false

  mutating func count(_ bytes: ArraySlice<UInt8>) {
    for byte in bytes {
      if isQuoted {
        isQuoted = isEscaped || byte != UInt8(ascii: "\"")
        isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
      } else if byte == UInt8(ascii: "\"") {
        isQuoted = true
      } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
        depth += 1
      } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
        depth -= 1
      }
    }
  }
}

extension ArraySlice<UInt8> {
  /// Whether a line begins an object that spans several lines: it ends where JSON is usually broken.
  fileprivate var isStartOfObject: Bool {
    guard first(where: { !$0.isJSONSpace }) == UInt8(ascii: "{"), let last = last(where: { !$0.isJSONSpace }) else {
      return false
    }
    return [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ",")].contains(last)
  }
}

/// Splits a JSON array into elements by their brackets, and parses each separately.
///
/// A malformed element is a separate fault as long as its quotes and brackets are balanced.
private final class JSONArrayReader {
  private let lines: DataLines
  private var line: DataLines.Line?
  private var rest: ArraySlice<UInt8>
  private var place = Place.before

  private enum Place { case before, inside, after }

  /// - Parameters:
  ///   - lines: the lines after the first.
  ///   - line: the line in which the array begins.
  init(lines: DataLines, from line: DataLines.Line) {
    self.lines = lines
    self.line = line
    rest = line.bytes ?? []
  }

  func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    var element: [UInt8] = []
    var (start, depth) = (0, 0)
    var (isQuoted, isEscaped) = (false, false)
    while let line {
      guard line.bytes != nil, element.count <= Limits.recordBytes else {
        throw .malformed(path: lines.path, line: line.number, reason: lines.tooLong(line).reason)
      }
      while let byte = rest.popFirst() {
        if element.isEmpty {
          if byte.isJSONSpace || byte == UInt8(ascii: ",") { continue }
          if place == .before, byte == UInt8(ascii: "[") {
            place = .inside
            continue
          }
          guard place == .inside else {
            throw .malformed(path: lines.path, line: line.number, reason: "something stands after the array.")
          }
          if byte == UInt8(ascii: "]") {
            place = .after
            continue
          }
          start = line.number
        }
        if isQuoted {
          isQuoted = isEscaped || byte != UInt8(ascii: "\"")
          isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
        } else {
          switch byte {
          case UInt8(ascii: "\""): isQuoted = true
          case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
          case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth < 0 {
              // The end of the array, after an element without brackets.
              place = .after
              return lines.record(element[...], at: start)
            }
          case UInt8(ascii: ",") where depth == 0: return lines.record(element[...], at: start)
          default: break
          }
        }
        element.append(byte)
        if depth == 0, !isQuoted, byte == UInt8(ascii: "}") { return lines.record(element[...], at: start) }
      }
      if !element.isEmpty { element.append(UInt8(ascii: "\n")) }
      self.line = try lines.next()
      rest = self.line?.bytes ?? []
      if self.line == nil, place == .inside {
        throw .malformed(path: lines.path, line: line.number, reason: "the file ends before the JSON array does.")
      }
    }
    return nil
  }
}

extension DataLines {
  /// The record of a JSON object.
  fileprivate func record(_ bytes: ArraySlice<UInt8>, at line: Int) -> Result<DataRecord, DataFault> {
    func fault(_ reason: String) -> Result<DataRecord, DataFault> {
      .failure(DataFault(path: path, line: line, reason: reason))
    }
    guard String(validating: bytes, as: UTF8.self) != nil else { return fault(Self.invalidText(bytes)) }
    let value: JSONValue
    do { value = try JSONValue(Data(bytes), file: path, values: Limits.recordValues) } catch {
      return fault(error.reason)
    }
    guard case .object(let members) = value else { return fault("expected a JSON object, found \(value.kind).") }
    guard members.count <= Limits.columns else {
      return fault("the object has \(members.count) members; at most \(Limits.columns) are read.")
    }
    return .success(DataRecord(path: path, line: line, members))
  }
}

extension UInt8 {
  fileprivate var isJSONSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0A || self == 0x0D }
}

extension CheckpointError {
  /// The error in a JSON text, without the file name.
  var reason: String { if case .json(let fault, _) = self { "\(fault)." } else { description } }
}
