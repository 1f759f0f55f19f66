internal import AdapterHost
internal import ArgumentParser

struct SetupsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "setups",
    abstract: "Lists, saves and removes compositions that have a name.",
    discussion: """
      Examples:
        adapter-cli setups
        adapter-cli setups save both "Parallel(debian-section, wordnet-domain)"
        adapter-cli setups activate both
        adapter-cli predict --setup both "A library for reading PDF files."
      """,
    subcommands: [
      ListSetupsCommand.self, SaveSetupCommand.self, ActivateSetupCommand.self, RemoveSetupCommand.self,
    ],
    defaultSubcommand: ListSetupsCommand.self)
}

struct ListSetupsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the saved setups of a base model.",
    discussion: """
      Example:
        adapter-cli setups list --json
      """)

  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model).name
    let faults = RowFaults()
    let active = try faults.value { try registry.activeSetup(of: model)?.expression }
    let setups = try registry.setups(of: model, faults: faults.add)
    if output.isTable, setups.isEmpty {
      try faults.report()
      print("No setup is saved: see 'adapter-cli help setups save'.")
    } else if output.isTable {
      printTable(
        Table(
          columns: [
            Table.Column(title: "NAME"), Table.Column(title: "ACTIVE"), Table.Column(title: "SETUP", isOptional: true),
          ],
          rows: setups.map {
            [$0.name.onOneLine, $0.expression == active ? "active" : "-", $0.expression.onOneLine]
          }))
    } else {
      print(
        listed(setups.map { $0.object(isActive: $0.expression == active).line }, asArray: output.json), terminator: "")
    }
    try faults.report()
  }
}

struct SaveSetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "save",
    abstract: "Gives a composition a name, or another composition to a name.",
    discussion: """
      Example:
        adapter-cli setups save both "Parallel(debian-section, wordnet-domain)"

      Everything that the composition names must be registered, and stays registered as long as the setup needs it.
      """)

  @Argument(help: "What to call it; no adapter or fusion may have this name.") var name: String
  @Argument(help: "A composition, such as 'Stack(a, b)'.") var setup: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let composition = try Composition(setup)
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.saveSetup(name, composition, of: model)
      output.report(
        "\(name) is \(composition) for \(model).",
        .object(["model": .string(model), "name": .string(name), "setup": .string(composition.description)]))
    }
  }
}

struct ActivateSetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "activate",
    abstract: "Makes a saved setup act where none is named, as 'adapter-cli activate NAME' does.",
    discussion: """
      Example:
        adapter-cli setups activate both
      """)

  @Argument(help: "The setup's name.") var name: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      let composition = try Composition(registry.setup(named: name, of: model).expression)
      try registry.activate(composition, of: model)
      output.report(
        "\(composition) is active for \(model).",
        .object(["model": .string(model), "name": .string(name), "setup": .string(composition.description)]))
    }
  }
}

struct RemoveSetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forgets a saved setup; its adapters stay, and what is active stays active.",
    discussion: """
      Example:
        adapter-cli setups remove both
      """)

  @Argument(help: "The setup's name.") var name: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.removeSetup(name, of: model)
      output.report(
        "Removed the setup \(name) of \(model).", .object(["model": .string(model), "name": .string(name)]))
    }
  }
}

extension SetupRecord {
  fileprivate func object(isActive: Bool) -> JSONValue {
    .object([
      "name": .string(name), "setup": .string(expression), "model": .string(model), "active": .bool(isActive),
      "adapters": .array(adapters.map { .string($0) }),
    ])
  }
}
