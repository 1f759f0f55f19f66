internal import Checkpoints

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
  /// Blank lines at the start: they are empty texts once the first other line has shown that the input is text.
  private var blankLines = 0..<0
  /// The line that showed it; it follows them.
  private var firstText: Result<TextInput, UnansweredText>?

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
      if let waiting = nextWaiting() { return waiting }
      while let line = try reader.next() {
        defer { lineNumber += 1 }
        if format != .text, !line.isTooLong, isBlank(line.bytes) {
          if format == .auto { blankLines = 0..<lineNumber + 1 }
          continue
        }
        let item = input(line)
        guard format == .text, !blankLines.isEmpty else { return item }
        firstText = item
        return nextWaiting()
      }
      if format == .auto { format = .text }
      return nextWaiting()
    }
  }

  /// What was read before: a blank line, or the text after the blank lines.
  private mutating func nextWaiting() -> Result<TextInput, UnansweredText>? {
    guard format == .text else { return nil }
    if let index = blankLines.popFirst() { return .success(TextInput("", index: index)) }
    defer { firstText = nil }
    return firstText
  }

  /// Whether there is a next text that need not be awaited.
  func isReady() throws(InputFileError) -> Bool {
    if format == .text, !blankLines.isEmpty || firstText != nil { return true }
    return switch kind {
    case .list(let rest): !rest.isEmpty
    case .lines(let reader): try reader.hasLine()
    }
  }

  private mutating func input(_ line: LineReader.Line) -> Result<TextInput, UnansweredText> {
    if format == .auto {
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

  private func isBlank(_ line: [UInt8]) -> Bool { line.allSatisfy(isSpace) }

  private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
