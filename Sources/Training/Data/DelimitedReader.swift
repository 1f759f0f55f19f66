internal import Checkpoints

/// Reads comma- or tab-separated fields.
///
/// With quotes it follows RFC 4180: a field that begins with a quote ends at the next single one; two stand for one;
/// line ends inside belong to the field and become LF. Lines that are blank or have only empty fields are skipped, and
/// empty fields beyond the last column are ignored, because spreadsheets add both. Without a header the columns are
/// named `1`, `2`, …
struct DelimitedReader: RecordReader {
  /// The syntax of fields.
  enum Dialect {
    /// Fields may be quoted; the separator is detected in the first line.
    case csv
    /// Fields are separated by tabs, without quoting.
    case tsv
  }

  private let lines: DataLines
  private let dialect: Dialect
  private let hasHeader: Bool
  private let wanted: Set<String>
  private var separator: Unicode.Scalar?
  private var names: [String]?

  /// - Parameters:
  ///   - lines: the file's lines.
  ///   - dialect: the syntax of fields.
  ///   - hasHeader: whether the first line names the columns.
  ///   - wanted: the column names that will be looked up.
  init(lines: DataLines, _ dialect: Dialect, hasHeader: Bool, wanted: [String] = []) {
    self.lines = lines
    self.dialect = dialect
    self.hasHeader = hasHeader
    self.wanted = Set(wanted.map(\.foldedColumnName))
    separator = dialect == .tsv ? "\t" : nil
  }

  mutating func next() throws(DatasetError) -> Result<DataRecord, DataFault>? {
    while let (line, result) = try fields() {
      var fields: [String]
      switch result {
      case .success(let all): fields = all
      case .failure(let fault):
        if names == nil, hasHeader {
          throw .malformed(path: fault.path, line: fault.line, reason: "the heading cannot be read: \(fault.reason)")
        }
        return .failure(fault)
      }
      if fields.count > 1, fields.allSatisfy(\.isEmpty) { continue }
      guard let names else {
        names = hasHeader ? fields : (1...fields.count).map { "\($0)" }
        if hasHeader { continue }
        return record(line, fields)
      }
      if fields.count > names.count, fields[names.count...].allSatisfy(\.isEmpty) {
        fields.removeSubrange(names.count...)
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

  /// The fields of the next nonblank line, including the lines that its quotes extend to.
  private mutating func fields() throws(DatasetError) -> (line: Int, Result<[String], DataFault>)? {
    while let first = try lines.next() {
      if separator == "\t" ? first.bytes?.isEmpty == true : first.isBlank { continue }
      if separator == nil, let bytes = first.bytes {
        if let named = Self.namedSeparator(bytes) {
          separator = named
          continue
        }
        separator = recognizedSeparator(bytes)
      }
      var cutter = FieldCutter(separator: separator ?? ",", hasQuotes: dialect == .csv)
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
      var texts: [String] = []
      for field in cutter.fields {
        guard let text = String(validating: field, as: UTF8.self) else {
          return (first.number, .failure(lines.fault(first, DataLines.invalidText(field))))
        }
        texts.append(text)
      }
      return (first.number, .success(texts))
    }
    return nil
  }

  // MARK: - The separator

  private static let separators: [Unicode.Scalar] = [",", ";", "\t", "|"]

  /// The separator declared in a first line `sep=;`, as spreadsheets write and read it.
  private static func namedSeparator(_ line: ArraySlice<UInt8>) -> Unicode.Scalar? {
    guard line.count == 5, line.starts(with: Array("sep=".utf8)), let last = line.last else { return nil }
    return separators.first { $0.value == UInt32(last) }
  }

  /// The separator that gives the first line the most wanted columns; in case of a tie the first of comma, semicolon,
  /// tab, bar, where separators that split nothing come last.
  private func recognizedSeparator(_ line: ArraySlice<UInt8>) -> Unicode.Scalar {
    func rank(_ separator: Unicode.Scalar) -> (wanted: Int, separates: Int) {
      var cutter = FieldCutter(separator: separator, hasQuotes: true)
      guard (try? cutter.feed(line)) == true else { return (0, 0) }
      // A field this long is an unsplit line, not a name.
      let names = cutter.fields.map { $0.count > 256 ? "" : String(decoding: $0, as: UTF8.self).foldedColumnName }
      return (hasHeader ? names.count(where: wanted.contains) : 0, names.count > 1 ? 1 : 0)
    }
    let ranks = Self.separators.map(rank)
    let best = ranks.max { $0 < $1 } ?? (0, 0)
    return zip(Self.separators, ranks).first { $1 == best }?.0 ?? ","
  }
}

/// Splits a record into fields, line by line.
struct FieldCutter {
  struct Fault: Error { let reason: String }

  private enum State { case start, plain, quoted, quoteInQuoted }

  private let separator: UInt8
  private let hasQuotes: Bool
  private var state = State.start
  private var field: [UInt8] = []
  /// The number of bytes in the record so far.
  private(set) var byteCount = 0
  private(set) var fields: [[UInt8]] = []

  init(separator: Unicode.Scalar, hasQuotes: Bool) {
    self.separator = UInt8(ascii: separator)
    self.hasQuotes = hasQuotes
  }

  /// Processes a line and returns whether the record ends with it.
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
      case (_, separator): try finishField()
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
    try finishField()
    return true
  }

  private mutating func finishField() throws(Fault) {
    guard fields.count < Limits.columns else {
      throw Fault(reason: "the record has more than \(Limits.columns) columns.")
    }
    fields.append(field)
    field = []
    state = .start
  }
}
