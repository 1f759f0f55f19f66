internal import Checkpoints
internal import Files
internal import FoundationEssentials
public import Training

/// A source of texts: a list, the lines of a file or of standard input, or the rows of a table.
public struct TextSource {
  /// The format of an input.
  public enum Format: String, Sendable, CaseIterable {
    /// A table, a document or columns if the file name has such an extension; JSON Lines if the first nonblank line
    /// begins with `{`; else text.
    case auto
    /// One text per line.
    case text
    /// One JSON object per line, with the members of ``TextInput``; blank lines are skipped.
    case jsonl
    /// A JSON array of such objects, or an object that contains them in its list `data`, as in SQuAD.
    case json
    /// A table whose first line names the columns: the members of ``TextInput``, as in training data.
    case csv, tsv
    /// Words in columns, with a blank line after each sentence, as in CoNLL.
    case conll

    /// The format implied by a file name; auto if there is none.
    init(path: String) {
      switch FilePaths.contentExtension(of: path) {
      case "csv": self = .csv
      case "tsv", "tab": self = .tsv
      case "json": self = .json
      case "jsonl", "ndjson": self = .jsonl
      case "conll", "conllu", "conllup", "conll03", "iob", "iob2", "bio", "bilou", "bioes": self = .conll
      default: self = .auto
      }
    }

    /// The equivalent training format, if its records are not lines.
    var records: TrainingFormat? {
      switch self {
      case .csv: .csv
      case .tsv: .tsv
      case .json: .jsonLines
      case .conll: .conll
      case .auto, .text, .jsonl: nil
      }
    }
  }

  private enum Kind {
    case list(ArraySlice<TextInput>)
    case lines(LineReader)
    case table(TableReader)
  }

  private var kind: Kind
  private var format: Format {
    didSet { if format == .text { mayNameAdapters = false } }
  }
  /// Whether further texts may name adapters: lines of plain text cannot.
  private(set) var mayNameAdapters = true
  /// The number of lines or rows read.
  private var lineNumber = 0
  /// Leading blank lines: they are empty texts if the first nonblank line shows that the input is text.
  private var blankLines = 0..<0
  /// That first line; it follows them.
  private var firstText: Result<TextInput, UnansweredText>?
  /// How texts are transformed.
  private var change = Change.none

  private enum Change {
    case none
    /// Each text becomes the pair of a query.
    case pairs(query: String)
    /// Each text and its pair become two texts; holds the second one.
    case split(second: TextInput?)
  }

  /// A list of texts.
  public init(_ texts: [String]) {
    self.init(texts.enumerated().map { TextInput($1, index: $0) })
  }

  /// A list of inputs.
  public init(_ inputs: [TextInput]) {
    kind = .list(inputs[...])
    format = .text
    mayNameAdapters = inputs.contains { $0.setup != nil }
  }

  /// The lines or rows of a file; nil is standard input.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - format: the file's format.
  ///   - columns: nonstandard names of columns or members.
  /// - Throws: `InputFileError` or `DatasetError`, if it cannot be opened; `TextSourceError`.
  public init(path: String?, format: Format = .auto, columns: DataColumns = [:]) throws {
    let format = format == .auto ? path.map { Format(path: $0) } ?? .auto : format
    self.format = format
    mayNameAdapters = format != .text
    if let records = format.records ?? (format == .jsonl && columns != [:] ? .jsonLines : nil) {
      kind = .table(try TableReader(path: path ?? "/dev/stdin", format: records, columns: columns))
    } else {
      guard columns == [:] else { throw TextSourceError.columnsOfLines }
      kind = .lines(try LineReader(path: path))
    }
  }

  /// The same texts, each as the pair of a query, as a reranker reads them.
  public func asPairs(of query: String) -> TextSource {
    var source = self
    source.change = .pairs(query: query)
    return source
  }

  /// The same texts, each followed by its pair as a text with the same index.
  ///
  /// A text without a pair is a failure.
  public func splittingPairs() -> TextSource {
    var source = self
    source.change = .split(second: nil)
    return source
  }

  /// The next text, waiting for it; nil at the end. An unreadable line is a failure.
  ///
  /// - Throws: `InputFileError` or `DatasetError`, if the input itself fails.
  mutating func next() throws -> Result<TextInput, UnansweredText>? {
    switch change {
    case .none: return try nextOfInput()
    case .pairs(let query):
      return try nextOfInput()?.flatMap { input in Result { () throws(UnansweredText) in try input.pairing(query) } }
    case .split(let second?):
      change = .split(second: nil)
      return .success(second)
    case .split(nil):
      return try nextOfInput()?.flatMap { input in
        guard let pair = input.pair else {
          return .failure(
            UnansweredText(index: input.index, line: input.line, reason: "there is no pair to compare the text with."))
        }
        change = .split(second: input.replacing(text: pair))
        return .success(input.replacing(text: input.text))
      }
    }
  }

  private mutating func nextOfInput() throws -> Result<TextInput, UnansweredText>? {
    switch kind {
    case .list(var rest):
      let first = rest.popFirst()
      kind = .list(rest)
      return first.map(Result.success)
    case .table(var rows):
      defer {
        kind = .table(rows)
        lineNumber += 1
      }
      return try rows.next().map { try input($0) }
    case .lines(let reader):
      if let waiting = nextWaiting() { return waiting }
      while let line = try reader.next() {
        defer { lineNumber += 1 }
        if format != .text, !line.isTooLong, isBlank(line.bytes) {
          if format == .auto { blankLines = 0..<lineNumber + 1 }
          continue
        }
        let item = try input(line)
        guard format == .text, !blankLines.isEmpty else { return item }
        firstText = item
        return nextWaiting()
      }
      if format == .auto { format = .text }
      return nextWaiting()
    }
  }

  /// A text read in advance: a blank line, or the text after the blank lines.
  private mutating func nextWaiting() -> Result<TextInput, UnansweredText>? {
    guard format == .text else { return nil }
    if let index = blankLines.popFirst() { return .success(TextInput("", index: index)) }
    defer { firstText = nil }
    return firstText
  }

  /// Whether the next text is available without waiting.
  func isReady() throws -> Bool {
    if case .split(.some) = change { return true }
    if format == .text, !blankLines.isEmpty || firstText != nil { return true }
    return switch kind {
    case .list(let rest): !rest.isEmpty
    case .lines(let reader): try reader.hasLine()
    case .table: true
    }
  }

  /// - Throws: `DatasetError.missingColumn`, if no column contains a text.
  private func input(_ row: Result<TableReader.Row, DataFault>) throws -> Result<TextInput, UnansweredText> {
    switch row {
    case .failure(let fault):
      return .failure(UnansweredText(index: lineNumber, line: fault.line, reason: fault.reason))
    case .success(let row):
      guard TextInput.hasText(row) else {
        throw DatasetError.missingColumn(
          .text, wanted: TextInput.textNames, found: row.members.keys.sorted(), path: "The input")
      }
      do { return .success(try TextInput(row, index: lineNumber)) } catch {
        return .failure(UnansweredText(index: lineNumber, line: row.line, error))
      }
    }
  }

  /// - Throws: `TextSourceError.array` for a first line that begins a JSON array: its elements are the texts.
  private mutating func input(_ line: LineReader.Line) throws(TextSourceError) -> Result<TextInput, UnansweredText> {
    if format == .auto {
      if beginsArray(line.bytes) { throw .array }
      format = line.bytes.first { !isSpace($0) } == UInt8(ascii: "{") ? .jsonl : .text
    }
    guard !line.isTooLong else {
      return .failure(
        UnansweredText(index: lineNumber, reason: "is longer than \(Limits.lineBytes) bytes; split the text."))
    }
    do {
      if format == .jsonl { return .success(try TextInput(json: line.bytes, index: lineNumber)) }
      guard let text = String(validating: line.bytes, as: UTF8.self) else {
        return .failure(UnansweredText(index: lineNumber, reason: "is not UTF-8."))
      }
      return .success(TextInput(text, index: lineNumber))
    } catch {
      return .failure(UnansweredText(index: lineNumber, error))
    }
  }

  private func beginsArray(_ line: [UInt8]) -> Bool {
    let text = line.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
    guard text.first == UInt8(ascii: "[") else { return false }
    // A text may begin with a bracket: "[1] A footnote."
    if text.count == 1 || text.dropFirst().first(where: { !isSpace($0) }) == UInt8(ascii: "{") { return true }
    guard case .array(let elements)? = try? JSONValue(Data(text), file: "line") else { return false }
    return elements.contains { if case .string = $0 { true } else { false } }
  }

  private func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy(isSpace) }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}

/// Why a source cannot be read as requested.
public enum TextSourceError: Error, Hashable, Sendable, CustomStringConvertible {
  case columnsOfLines
  /// A JSON array stands where lines are expected.
  case array

  public var description: String {
    switch self {
    case .columnsOfLines:
      "Only tables and JSON have columns to name, and the input is read as lines of text. Give --format csv or --format "
        + "jsonl if it is one of these."
    case .array:
      "The input begins a JSON array, and its lines would be read as texts. Give --format json to read its elements, or "
        + "--format text if the lines are the texts."
    }
  }
}
