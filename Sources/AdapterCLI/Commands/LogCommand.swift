internal import AdapterHost
internal import ArgumentParser

struct LogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Lists the changes of the registry, the newest first.",
    discussion: """
      Examples:
        adapter-cli log
        adapter-cli log --limit 100 --json
      """)

  @Option(help: ArgumentHelp("How many changes at most; 0 is all.", valueName: "n")) var limit = 20
  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    if limit < 0 { throw ValidationError("--limit is \(limit); expected 0 or more.") }
  }

  func run() throws {
    let faults = RowFaults()
    let entries = try Registry.open(at: registry.location, for: .reading)
      .log(limit: limit == 0 ? nil : limit, faults: faults.add)
    if output.isTable {
      printTable(Self.table(entries))
    } else {
      print(listed(entries.map(Self.object), asArray: output.json), terminator: "")
    }
    try faults.report()
  }

  private static func table(_ entries: [LogEntry]) -> Table {
    Table(
      columns: [
        Table.Column(title: "NO.", isNumber: true), Table.Column(title: "DATE (UTC)"), Table.Column(title: "CHANGE"),
        Table.Column(title: "OF"), Table.Column(title: "DETAIL", isOptional: true),
        Table.Column(title: "BASE MODEL", isOptional: true),
      ],
      rows: entries.map { entry in
        let detail = ContentDigest(entry.detail)?.short ?? entry.detail
        return [
          "\(entry.number)", entry.date.minute, entry.action.words, entry.subject.onOneLine, detail.onOneLine,
          (entry.model ?? "-").onOneLine,
        ]
      })
  }

  private static func object(_ entry: LogEntry) -> String {
    JSONValue.object([
      "number": .integer(entry.number), "date": .string(entry.date.second), "action": .string(entry.action.rawValue),
      "model": entry.model.map { .string($0) } ?? .null, "subject": .string(entry.subject),
      "detail": .string(entry.detail),
    ]).line
  }
}

extension LogAction {
  /// The name as words, such as "import adapter".
  fileprivate var words: String {
    rawValue.reduce(into: "") { text, letter in text += letter.isUppercase ? " " + letter.lowercased() : "\(letter)" }
  }
}
