public import AdapterHost
public import ArgumentParser

/// Where texts come from.
struct TextArguments: ParsableArguments {
  @Argument(help: "Texts; without any they are read from --input, or else from standard input.") var texts: [String] =
    []
  @Option(help: ArgumentHelp("A file of texts; '-' is standard input.", valueName: "file")) var input: String?
  @Option(
    help: ArgumentHelp(
      "How input is read: a text in each line, or JSON Lines; 'auto' looks at the first line.", valueName: "format"))
  var format = TextSource.Format.auto

  func validate() throws {
    guard texts.isEmpty else {
      if input != nil { throw ValidationError("There are texts and --input; expected one of them.") }
      if format == .jsonl {
        throw ValidationError("--format jsonl is for --input and standard input, not for texts as arguments.")
      }
      return
    }
  }

  /// Opens the input.
  func source() throws -> sending TextSource {
    if !texts.isEmpty { return TextSource(texts) }
    if input == nil || input == "-", Terminal.isInteractive {
      Terminal.note("Reading texts from the terminal, one in a line; Ctrl-D ends.")
    }
    return try TextSource(path: input == "-" ? nil : input, format: format)
  }
}

extension TextSource.Format: ExpressibleByArgument {}

/// How answers and listings are written.
struct OutputArguments: ParsableArguments {
  @Flag(help: "Write JSON, as in a pipe.") var json = false
  @Flag(help: "Write a table, as on a terminal.") var table = false

  func validate() throws {
    if json, table { throw ValidationError("There are --json and --table; expected one of them.") }
  }

  /// Whether people read the output.
  var isTable: Bool { table || (!json && Terminal.isOutput) }
}
