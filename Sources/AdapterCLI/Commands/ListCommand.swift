internal import AdapterHost
internal import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the registered adapters of a base model.",
    discussion: """
      Examples:
        adapter-cli list
        adapter-cli list --json
        adapter-cli list --registry other.sqlite --model NAME
      """)

  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model)
    let listing = AdapterListing(try registry.adapters(of: model.name))
    if output.isTable {
      let setup = try registry.activeSetup(of: model.name)?.expression
      let lines = listing.heading(model: model.name, setup: setup, width: Terminal.width)
      print((lines + [""] + listing.table.rendered(width: Terminal.width)).joined(separator: "\n"))
    } else {
      print(listed(listing.objects, asArray: output.json), terminator: "")
    }
  }
}
