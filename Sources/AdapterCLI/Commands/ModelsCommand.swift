internal import AdapterHost
internal import ArgumentParser

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists and registers base models.",
    discussion: """
      Examples:
        adapter-cli models
        adapter-cli models register Models/deberta-v3-tiny-en
        adapter-cli models default deberta-v3-tiny-en
      """,
    subcommands: [ListModelsCommand.self, RegisterModelCommand.self, DefaultModelCommand.self],
    defaultSubcommand: ListModelsCommand.self)
}

/// The registry alone.
struct RegistryArguments: ParsableArguments {
  @Option(help: ArgumentHelp("The registry to use.", valueName: "file.sqlite")) var registry: String?

  var location: RegistryLocation { RegistryLocation(given: registry) }
}

struct ListModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the registered base models.",
    discussion: """
      Example:
        adapter-cli models list --json
      """)

  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let listing = ModelListing(try Registry.open(at: registry.location, for: .reading).models())
    if output.isTable {
      if listing.isEmpty {
        return print("No base model is registered: see 'adapter-cli help models register'.")
      }
      printTable(listing.table)
    } else {
      print(listed(listing.objects, asArray: output.json), terminator: "")
    }
  }
}

struct RegisterModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register",
    abstract: "Registers a checkpoint's folder as a base model, where it lies.",
    discussion: """
      Example:
        adapter-cli models register Models/deberta-v3-tiny-en --as tiny

      The model is loaded once to see that it is whole. The registry is made if there is none; the first base model \
      becomes the default one.
      """)

  @Argument(help: "The checkpoint's folder.") var folder: String
  @Option(
    name: .customLong("as"), help: ArgumentHelp("What to call it; by default the folder's name.", valueName: "name"))
  var name: String?
  @OptionGroup(title: "Registry") var registry: RegistryArguments

  func run() throws {
    let (description, files) = try ModelDescription.read(folder)
    let name = self.name ?? folder.split(separator: "/").last.map(String.init) ?? folder
    try Registry.edit(at: registry.location, creating: true) { registry in
      let record = try registry.register(modelAt: folder, as: name, describedBy: description, files: files)
      print(
        "Registered \(record.name)\(record.isDefault ? ", the default base model" : ""): \(record.path.belowCurrentFolder)"
      )
    }
  }
}

struct DefaultModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "default",
    abstract: "Makes a base model the one that counts where none is named.",
    discussion: """
      Example:
        adapter-cli models default deberta-v3-tiny-en
      """)

  @Argument(help: "The base model's name.") var name: String
  @OptionGroup(title: "Registry") var registry: RegistryArguments

  func run() throws {
    try Registry.edit(at: registry.location) { registry in
      try registry.setDefault(model: name)
      print("\(name) is the default base model.")
    }
  }
}
