internal import AdapterHost
internal import ArgumentParser

struct SummaryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summary",
    abstract: "Counts the parameters of a base model and its adapters, as the Python library's adapter_summary.",
    discussion: """
      Examples:
        adapter-cli summary
        adapter-cli summary --model DIR --adapter mine=DIR --json

      The share of an adapter is in percent of the base model's parameters; heads count in neither.
      """)

  @OptionGroup(title: "Model") var base: BaseArguments
  @Option(help: ArgumentHelp("An adapter's folder and the name it gets; may be repeated.", valueName: "name=dir"))
  var adapter: [NamedFolder] = []
  @Option(help: ArgumentHelp("The adapters that count as active, such as 'Stack(a, b)'.", valueName: "expr"))
  var setup: String?
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let summary = try AdapterSummary(
      WorkspaceRequest(
        model: base.model, registry: base.registry,
        adapters: Dictionary(adapter.map { ($0.name, $0.folder) }) { first, _ in first }, setup: setup))
    if output.isTable {
      print(summary.text)
    } else {
      print(listed(summary.rows.map(Self.object), asArray: output.json), terminator: "")
    }
  }

  private static func object(_ row: AdapterSummary.Row) -> String {
    JSONValue.object([
      "name": .string(row.name), "architecture": row.architecture.map { .string($0) } ?? .null,
      "#param": .integer(row.parameterCount), "%param": .number(row.percentage),
      "active": row.isActive.map { .bool($0) } ?? .null, "train": .bool(row.isTrainable),
    ]).line
  }
}
