public import AdapterHost
public import ArgumentParser

/// The source of texts.
struct TextArguments: ParsableArguments {
  @Argument(help: "Texts; without any they are read from --input, or else from standard input.") var texts: [String] =
    []
  @Option(help: ArgumentHelp("A file of texts; '-' is standard input.", valueName: "file")) var input: String?
  @Option(
    help: ArgumentHelp(
      "How input is read: a text in each line, JSON Lines, a JSON array or a file of SQuAD, the rows of a table, or CoNLL "
        + "columns; 'auto' looks at the file's name and the first line. Files may be compressed with gzip or xz.",
      valueName: "format"))
  var format = TextSource.Format.auto
  @Option(
    help: ArgumentHelp(
      "The column of a table or the member of JSON that holds the texts, if it is not called 'text'; PART=NAME names "
        + "another part, such as pair or context; may be repeated.", valueName: "name"))
  var column: [TextColumn] = []

  func validate() throws {
    for (part, named) in Dictionary(grouping: column, by: \.part) where named.count > 1 {
      throw ValidationError("--column names '\(part)' twice: \(named.map(\.name).joined(separator: " and ")).")
    }
    guard texts.isEmpty else {
      if input != nil { throw ValidationError("There are texts and --input; expected one of them.") }
      if format != .auto, format != .text {
        throw ValidationError("--format \(format) is for --input and standard input, not for texts as arguments.")
      }
      if !column.isEmpty { throw ValidationError("--column is for --input, not for texts as arguments.") }
      return
    }
  }

  /// Whether the texts are entered by hand, on the command line or on the terminal.
  var isTyped: Bool { !texts.isEmpty || ((input == nil || input == "-") && Terminal.isInteractive) }

  /// Opens the input.
  func source() throws -> sending TextSource {
    if !texts.isEmpty { return TextSource(texts) }
    if isTyped {
      Terminal.note("Reading texts from the terminal, one in a line; Ctrl-D ends.")
    }
    let columns = DataColumns(Dictionary(column.map { ($0.part, $0.name) }) { $1 })
    return try TextSource(path: input == "-" ? nil : input, format: format, columns: columns)
  }
}

extension TextSource.Format: ExpressibleByArgument {}

/// A value of the form NAME, for the column of texts, or PART=NAME.
struct TextColumn: ExpressibleByArgument {
  let part: DataColumns.Role
  let name: String

  init?(argument: String) {
    let sides = argument.split(separator: "=", maxSplits: 1).map(String.init)
    guard let last = sides.last else { return nil }
    guard let part = sides.count == 1 ? .text : DataColumns.Role(rawValue: sides[0]) else { return nil }
    (self.part, name) = (part, last)
  }
}

/// The output format of answers and listings.
struct OutputArguments: ParsableArguments {
  @Flag(help: "Write JSON, as in a pipe.") var json = false
  @Flag(help: "Write a table, as on a terminal.") var table = false

  func validate() throws {
    if json, table { throw ValidationError("There are --json and --table; expected one of them.") }
  }

  /// Whether the output is meant to be read by people.
  var isTable: Bool { table || (!json && Terminal.isOutput) }
}
