/// Where texts come from: a list, or the lines of a file or of standard input.
public struct TextSource {
  /// How the lines of an input are read.
  public enum Format: String, Sendable, CaseIterable {
    /// JSON Lines if the first line that is not blank begins with `{`, else text.
    case auto
    /// A text in each line.
    case text
    /// A JSON object in each line, with the members of ``TextInput``; blank lines hold nothing.
    case jsonl
  }

  private enum Kind {
    case list(ArraySlice<TextInput>)
    case lines(LineReader)
  }

  private var kind: Kind
  private var format: Format
  private var lineNumber = 0
  /// Blank lines at the start, until it is known whether they are texts; then what is to be returned next.
  private var waiting: [Result<TextInput, UnansweredText>] = []

  /// Texts that are there already.
  public init(_ texts: [String]) {
    self.init(texts.enumerated().map { TextInput($1, index: $0) })
  }

  /// Texts that are there already.
  public init(_ inputs: [TextInput]) {
    kind = .list(inputs[...])
    format = .text
  }

  /// The lines of a file; nil is standard input.
  ///
  /// - Throws: `InputFileError`, if it cannot be opened.
  public init(path: String?, format: Format = .auto) throws(InputFileError) {
    kind = .lines(try LineReader(path: path))
    self.format = format
  }

  /// The next text, awaited; nil at the end. A line that cannot be read is a failure.
  ///
  /// - Throws: `InputFileError`, if the input itself fails.
  mutating func next() throws(InputFileError) -> Result<TextInput, UnansweredText>? {
    switch kind {
    case .list(var rest):
      let first = rest.popFirst()
      kind = .list(rest)
      return first.map(Result.success)
    case .lines(let reader):
      if format == .text, !waiting.isEmpty { return waiting.removeFirst() }
      while let line = try reader.next() {
        defer { lineNumber += 1 }
        if format != .text, let line, isBlank(line) {
          if format == .auto {
            waiting.append(.success(TextInput(String(decoding: line, as: UTF8.self), index: lineNumber)))
          }
          continue
        }
        let item = input(line)
        if format == .text, !waiting.isEmpty {
          waiting.append(item)
          return waiting.removeFirst()
        }
        waiting = []
        return item
      }
      format = format == .auto ? .text : format
      return waiting.isEmpty ? nil : waiting.removeFirst()
    }
  }

  /// Whether there is a next text that need not be awaited.
  func isReady() throws(InputFileError) -> Bool {
    if format == .text, !waiting.isEmpty { return true }
    return switch kind {
    case .list(let rest): !rest.isEmpty
    case .lines(let reader): try reader.hasLine()
    }
  }

  private mutating func input(_ line: LineReader.Line) -> Result<TextInput, UnansweredText> {
    guard let line else {
      return .failure(
        UnansweredText(index: lineNumber, reason: "is longer than \(LineReader.limit) bytes; split the text."))
    }
    if format == .auto {
      format = line.first { !isSpace($0) } == UInt8(ascii: "{") ? .jsonl : .text
    }
    do {
      if format == .jsonl { return .success(try TextInput(json: line, index: lineNumber)) }
      guard let text = String(validating: line, as: UTF8.self) else {
        return .failure(UnansweredText(index: lineNumber, reason: "is not UTF-8."))
      }
      return .success(TextInput(text, index: lineNumber))
    } catch {
      return .failure(UnansweredText(index: lineNumber, error))
    }
  }

  private func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy(isSpace) }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
