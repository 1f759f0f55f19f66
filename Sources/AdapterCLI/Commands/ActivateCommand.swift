internal import AdapterHost
internal import ArgumentParser

struct ActivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate",
    abstract: "Makes an adapter, or a composition of several, act where none is named.",
    discussion: """
      Examples:
        adapter-cli activate debian-section
        adapter-cli activate "Parallel(debian-section, wordnet-domain)"

      Under Parallel the heads of all adapters answer every text. Other blocks: Stack(a, b), \
      Average(a, b, weights=[0.3, 0.7]), Sum(a, b); they may be nested.
      """)

  @Argument(help: "An adapter's name, or a composition.") var setup: String
  @OptionGroup(title: "Registry") var base: BaseArguments

  func run() throws {
    let composition = try Composition(setup)
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.activate(composition, of: model)
      print("\(composition) is active for \(model).")
    }
  }
}
