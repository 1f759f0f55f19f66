internal import AdapterHost
internal import ArgumentParser

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Tells everything that is registered about an adapter.",
    discussion: """
      Examples:
        adapter-cli show debian-section
        adapter-cli show debian-section --json
      """)

  @Argument(help: "The adapter's name.") var name: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model)
    let record = try registry.adapter(named: name, of: model.name)
    let card = AdapterCard(record, files: try registry.files(of: record), isForThisBase: record.isMade(for: model))
    if output.isTable {
      print(card.lines(width: Terminal.width).joined(separator: "\n"))
    } else {
      printObject(try card.object, output)
    }
  }
}
