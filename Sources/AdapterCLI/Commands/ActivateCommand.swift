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
        adapter-cli activate "Fuse(debian-section, wordnet-domain)"

      Under Parallel the heads of all adapters answer every text. Other blocks: Stack(a, b), \
      Average(a, b, weights=[0.3, 0.7]), Sum(a, b), Fuse(a, b) with a registered fusion; they may be nested. The name \
      of a saved setup stands for its composition: see 'adapter-cli help setups'.
      """)

  @Argument(help: "An adapter's name, a composition, or the name of a saved setup.") var setup: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      let composition = try registry.composition(setup, of: model)
      try registry.activate(composition, of: model)
      output.report(
        "\(composition) is active for \(model).",
        .object(["model": .string(model), "setup": .string(composition.description)]))
    }
  }
}
