internal import AdapterHost
internal import ArgumentParser

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows everything that is registered about an adapter or a fusion.",
    discussion: """
      Examples:
        adapter-cli show debian-section
        adapter-cli show debian-section --json

      'adapter-cli models show' does the same for a base model.
      """)

  @Argument(help: "The name of an adapter or a fusion.") var name: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model)
    let item = try registry.item(named: name, of: model.name)
    let files = try registry.files(of: item)
    let (lines, object): ([String], JSONValue)
    switch item.record {
    case .adapter(let record):
      let card = AdapterCard(record, files: files, isForThisBase: record.isMade(for: model))
      (lines, object) = (card.lines(width: Terminal.width), try card.object)
    case .fusion(let record):
      let card = FusionCard(record, files: files, isActive: item.isActive)
      (lines, object) = (card.lines(width: Terminal.width), try card.object)
    }
    if output.isTable { print(lines.joined(separator: "\n")) } else { printObject(object, output) }
  }
}
