internal import AdapterHost
internal import ArgumentParser

struct TagCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "Adds tags to an adapter, removes others, or lists them.",
    discussion: """
      Examples:
        adapter-cli tag debian-section production
        adapter-cli tag debian-section --remove production --remove old
        adapter-cli tag debian-section

      'adapter-cli list --tag production' lists the adapters that have a tag.
      """)

  @Argument(help: "The adapter's name.") var name: String
  @Argument(help: ArgumentHelp("Tags to add.", valueName: "tag")) var tags: [String] = []
  @Option(help: ArgumentHelp("A tag to remove; may be repeated.", valueName: "tag")) var remove: [String] = []
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    for tag in tags where remove.contains(tag) {
      throw ValidationError("The tag '\(tag)' is both added and removed; expected one of them.")
    }
  }

  func run() throws {
    if tags.isEmpty, remove.isEmpty {
      let registry = try Registry.open(at: base.location, for: .reading)
      return show(try registry.adapter(named: name, of: registry.model(nameOrFolder: base.model).name))
    }
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      show(try registry.tag(adapter: name, adding: tags, removing: remove, of: model))
    }
  }

  private func show(_ record: AdapterRecord) {
    if output.isTable {
      print("\(record.name): \(record.tags.isEmpty ? "no tags" : record.tags.joined(separator: ", "))")
    } else {
      let tags = record.tags.map { JSONValue.string($0) }
      printObject(.object(["name": .string(record.name), "tags": .array(tags)]), output)
    }
  }
}
