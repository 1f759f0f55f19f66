internal import AdapterHost
internal import ArgumentParser

struct SummaryCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "summary",
    abstract: "Counts the parameters of a base model and its adapters, as the Python library's adapter_summary.",
    discussion: """
      Examples:
        adapter-cli summary
        adapter-cli summary --model DIR --adapter mine=DIR --json

      The share of an adapter is in percent of the encoder's parameters; heads count in neither. 'models' counts all \
      parameters of the checkpoint, which are given below the table, and in JSON as "checkpoint_parameters". Methods \
      have the names of their presets, where the Python library writes its classes' names.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @OptionGroup(title: "Model") var adapters: AdapterArguments
  @Option(help: ArgumentHelp("The adapters that count as active, such as 'Stack(a, b)'.", valueName: "expr"))
  var setup: String?
  @OptionGroup(title: "Output") var output: OutputArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try base.changeFolders(change)
    try adapters.changeFolders(change)
  }

  func run() throws {
    let summary = try AdapterSummary(
      WorkspaceRequest(
        model: base.model, registry: base.registry, adapters: adapters.folders, setup: setup))
    if output.isTable {
      let width = Terminal.width
      if width < 80 { printTable(Self.table(summary)) } else { print(summary.text) }
      let encoder = summary.rows.last?.parameterCount ?? 0
      let note =
        "The checkpoint has \(summary.checkpointParameterCount.separated) parameters, "
        + "\(encoder.separated) of them in the encoder."
      print(note.brokenAtSpaces(width: width).joined(separator: "\n"))
    } else {
      let objects = summary.rows.map { row in
        var members = Self.members(row)
        if row.isActive == nil { members["checkpoint_parameters"] = .integer(summary.checkpointParameterCount) }
        return JSONValue.object(members).line
      }
      print(listed(objects, asArray: output.json), terminator: "")
    }
  }

  /// The summary for a terminal that is too narrow for the table of `adapters`.
  private static func table(_ summary: AdapterSummary) -> Table {
    Table(
      columns: [
        Table.Column(title: "Name"), Table.Column(title: "#Param", isNumber: true),
        Table.Column(title: "%Param", isNumber: true), Table.Column(title: "Active", isOptional: true),
        Table.Column(title: "Architecture", isOptional: true), Table.Column(title: "Train", isOptional: true),
      ],
      rows: summary.rows.map { row in
        [
          row.name.onOneLine, row.parameterCount.separated, row.percentage.formatted(decimals: 3),
          row.isActive.map { $0 ? "1" : "0" } ?? "", row.method?.onOneLine ?? "", row.isTrainable ? "1" : "0",
        ]
      })
  }

  private static func members(_ row: AdapterSummary.Row) -> [String: JSONValue] {
    [
      "name": .string(row.name), "method": row.method.map { .string($0) } ?? .null,
      "#param": .integer(row.parameterCount), "%param": .number(row.percentage),
      "active": row.isActive.map { .bool($0) } ?? .null, "train": .bool(row.isTrainable),
    ]
  }
}
