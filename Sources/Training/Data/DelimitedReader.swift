internal import Checkpoints

/// Fields between commas or tabs.
///
/// With quotes it is RFC 4180: a field that begins with a quote ends at the
/// next single one; two stand for one; line ends inside belong to the field
/// and become LF. Blank lines hold nothing. Without a header the columns are
/// called `1`, `2`, …
struct DelimitedReader: RecordReader {
  private let lines: DataLines
  private let separator: Unicode.Scalar
  private let hasQuotes: Bool
  private let hasHeader: Bool
  private var names: [String]?

  init(lines: DataLines, separator: Unicode.Scalar, hasQuotes: Bool, hasHeader: Bool) {
    self.lines = lines
    self.separator = separator
    self.hasQuotes = hasQuotes
    self.hasHeader = hasHeader
  }

  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    while let (line, result) = try fields() {
      let fields: [String]
      switch result {
      case .success(let all): fields = all
      case .failure(let fault): return .failure(fault)
      }
      guard let names else {
        names = hasHeader ? fields : (1...fields.count).map { "\($0)" }
        if hasHeader { continue }
        return record(line, fields)
      }
      guard fields.count == names.count else {
        let reason = "expected \(names.count) fields, as in the first line, found \(fields.count)."
        return .failure(DataFault(path: lines.path, line: line, reason: reason))
      }
      return record(line, fields)
    }
    return nil
  }

  private func record(_ line: Int, _ fields: [String]) -> Result<DataRecord, DataFault> {
    let columns = zip(names ?? [], fields).map { (name: $0, value: JSONValue.string($1)) }
    return .success(DataRecord(path: lines.path, line: line, columns: columns, isTextOnly: true))
  }

  /// The fields of the next line that is not blank, and of those that its quotes reach into.
  private func fields() throws(DatasetError) -> (line: Int, Result<[String], DataFault>)? {
    while let first = try lines.next() {
      if separator == "\t" ? first.bytes?.isEmpty == true : first.isBlank { continue }
      var cutter = FieldCutter(separator: separator, hasQuotes: hasQuotes)
      var line = first
      while true {
        guard let bytes = line.bytes else { return (first.number, .failure(lines.tooLong(line))) }
        do {
          if try cutter.feed(bytes) { break }
          guard cutter.byteCount <= Limits.recordBytes else {
            return (first.number, .failure(lines.tooLong(first)))
          }
        } catch {
          return (first.number, .failure(lines.fault(first, error.reason)))
        }
        guard let next = try lines.next() else { throw .openQuote(path: lines.path, line: first.number) }
        line = next
      }
      let texts = cutter.fields.compactMap { String(validating: $0, as: UTF8.self) }
      guard texts.count == cutter.fields.count else {
        return (first.number, .failure(lines.fault(first, "is not UTF-8.")))
      }
      return (first.number, .success(texts))
    }
    return nil
  }
}

/// Cuts a record into fields, line by line.
struct FieldCutter {
  struct Fault: Error { let reason: String }

  private enum State { case start, plain, quoted, quoteInQuoted }

  private let separator: UInt8
  private let hasQuotes: Bool
  private var state = State.start
  private var field: [UInt8] = []
  /// The bytes of the record up to now.
  private(set) var byteCount = 0
  private(set) var fields: [[UInt8]] = []

  init(separator: Unicode.Scalar, hasQuotes: Bool) {
    self.separator = UInt8(ascii: separator)
    self.hasQuotes = hasQuotes
  }

  /// Reads a line; whether the record ends with it.
  mutating func feed(_ line: some Collection<UInt8>) throws(Fault) -> Bool {
    let quote = UInt8(ascii: "\"")
    byteCount += line.count
    for byte in line {
      switch (state, byte) {
      case (.quoted, quote): state = .quoteInQuoted
      case (.quoted, _): field.append(byte)
      case (.quoteInQuoted, quote):
        field.append(quote)
        state = .quoted
      case (_, separator): finishField()
      case (.quoteInQuoted, _):
        throw Fault(
          reason: "text follows the closing quote of field \(fields.count + 1). "
            + "Write a quote inside a quoted field as two.")
      case (.start, quote) where hasQuotes: state = .quoted
      case (.start, _), (.plain, _):
        field.append(byte)
        state = .plain
      }
    }
    if state == .quoted {
      field.append(UInt8(ascii: "\n"))
      return false
    }
    finishField()
    return true
  }

  private mutating func finishField() {
    fields.append(field)
    field = []
    state = .start
  }
}
