internal import AdapterHost
internal import ArgumentParser

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists, registers, renames and removes base models.",
    discussion: """
      Examples:
        adapter-cli models
        adapter-cli models register Models/deberta-v3-tiny-en
        adapter-cli models show deberta-v3-tiny-en
        adapter-cli models default deberta-v3-tiny-en
      """,
    subcommands: [
      ListModelsCommand.self, ShowModelCommand.self, RegisterModelCommand.self, DefaultModelCommand.self,
      RenameModelCommand.self, RemoveModelCommand.self,
    ],
    defaultSubcommand: ListModelsCommand.self)
}

struct ListModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the registered base models.",
    discussion: """
      Example:
        adapter-cli models list --json

      The parameters are those of all tensors of the checkpoint, a head that it carries included; 'models show' and \
      'summary' also give those of the encoder alone.
      """)

  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let faults = RowFaults()
    let listing = ModelListing(try Registry.open(at: registry.location, for: .reading).models(faults: faults.add))
    if output.isTable {
      if !listing.isEmpty { printTable(listing.table) }
    } else {
      print(listed(listing.objects, asArray: output.json), terminator: "")
    }
    if listing.isEmpty { Terminal.note("No base model is registered: 'adapter-cli help models register' shows how.") }
    try faults.report()
  }
}

struct ShowModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows everything that is registered about a base model.",
    discussion: """
      Examples:
        adapter-cli models show
        adapter-cli models show deberta-v3-tiny-en --json
      """)

  @Argument(help: "The base model's name; by default the default one.") var name: String?
  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: registry.location, for: .reading)
    let card = try ModelCard(registry.model(nameOrFolder: name), in: registry)
    if output.isTable {
      print(card.lines(width: Terminal.width).joined(separator: "\n"))
    } else {
      printObject(try card.object, output)
    }
  }
}

struct RegisterModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "register",
    abstract: "Registers a checkpoint's folder as a base model, where it lies.",
    discussion: """
      Examples:
        adapter-cli models register Models/deberta-v3-tiny-en --as tiny
        adapter-cli models register hf:microsoft/deberta-v3-base

      The model is loaded once to see that it is whole. The registry is made if there is none; the first base model \
      becomes the default one.
      """)

  @Argument(help: "The checkpoint's folder, or hf:ORG/NAME.") var folder: String
  @Option(
    name: .customLong("as"), help: ArgumentHelp("What to call it; by default the folder's name.", valueName: "name"))
  var name: String?
  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let fetched = try FolderAddress.fetched(folder)
    let folder = fetched?.path ?? folder
    let (description, files) = try ModelDescription.read(folder)
    let name = self.name ?? fetched?.name ?? folder.split(separator: "/").last.map(String.init) ?? folder
    try Registry.edit(at: registry.location, creating: true) { registry in
      let record = try registry.register(modelAt: folder, as: name, describedBy: description, files: files)
      output.report(
        "Registered \(record.name)\(record.isDefault ? ", the default base model" : ""): "
          + "\(record.path.belowCurrentFolder)", record.object)
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
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: registry.location) { registry in
      try registry.setDefault(model: name)
      try output.report("\(name) is the default base model.", try registry.model(named: name).object)
    }
  }
}

struct RenameModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename",
    abstract: "Gives a base model another name; its adapters, fusions and setups go on belonging to it.",
    discussion: """
      Example:
        adapter-cli models rename deberta-v3-tiny-en tiny

      Its folder stays where it is.
      """)

  @Argument(help: "What it is called.") var name: String
  @Argument(help: "What to call it.") var newName: String
  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: registry.location) { registry in
      try registry.renameModel(name, to: newName)
      output.report(
        "\(name) is called \(newName) now.", .object(["name": .string(newName), "was": .string(name)]))
    }
  }
}

struct RemoveModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forgets a base model; its folder stays.",
    discussion: """
      Examples:
        adapter-cli models remove old --yes
        adapter-cli models remove old --with-adapters

      It asks first; where nobody can be asked it needs --yes. A base model with adapters, fusions or setups is not \
      removed without --with-adapters, which forgets them too and deletes the folders that the registry made for them. \
      A checkpoint's folder is never deleted where you registered it.
      """)

  @Argument(help: "The base model's name.") var name: String
  @Flag(help: "Remove its adapters, fusions and setups, too.") var withAdapters = false
  @OptionGroup var agreement: AgreementArguments
  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let reading = try Registry.open(at: registry.location, for: .reading)
    let record = try reading.model(named: name)
    let items = try reading.items(of: name)
    let contents = ModelContents(
      model: name, adapters: items.map(\.name), setups: try reading.setups(of: name).map(\.name))
    if !withAdapters, !contents.isEmpty { throw contents }
    let agrees = try agreement.agrees(
      toRemove: [name],
      "the base model" + (items.isEmpty ? "" : " with \(items.count.counting("adapter"))"),
      ["\(record.name)  \(record.parameterCount.counting("parameter")), \(record.path)"]
        + items.map { "\($0.name)  \($0.method), \($0.byteCount.asBytes), \($0.path)" })
    guard agrees else { return Terminal.note("Nothing was removed.") }
    try Registry.edit(at: registry.location) { registry in
      try registry.removeModel(named: name, withContents: withAdapters)
      output.report(
        "Removed \(name); \(record.path.belowCurrentFolder) stays where it is.",
        .object(["name": .string(name), "removed_items": .array(items.map { .string($0.name) })]))
      if record.isDefault, try !registry.models().isEmpty {
        Terminal.note("No base model is the default one now: name one with 'adapter-cli models default NAME'.")
      }
    }
  }
}

/// A base model is not removed because its adapters and setups would be removed, too.
private struct ModelContents: Error, CustomStringConvertible {
  let model: String
  /// Adapters and fusions.
  let adapters: [String]
  let setups: [String]

  var isEmpty: Bool { adapters.isEmpty && setups.isEmpty }

  var description: String {
    let parts = [("adapters", adapters), ("setups", setups)].filter { !$1.isEmpty }
      .map { "the \($0) \($1.joined(separator: ", "))" }
    return "The base model '\(model)' has \(parts.joined(separator: " and ")). Remove them first, or with it by "
      + "--with-adapters."
  }
}
