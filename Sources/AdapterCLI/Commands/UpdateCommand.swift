internal import AdapterHost
internal import ArgumentParser

struct UpdateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update",
    abstract: "Fetches the newest version of an adapter from where it was imported.",
    discussion: """
      Examples:
        adapter-cli import hf:ORG/NAME --as sentiment
        adapter-cli update sentiment
        adapter-cli remove sentiment-1a2b3c4

      The address is looked at again: the branch of a repository of the Hub, or an archive. If it stands for something \
      newer, that gets the adapter's name, tags and notes, also in setups, and the version before stays registered as \
      NAME- with the first digits of its revision, until you remove it. An adapter that a fusion joins is not updated: the \
      fusion was trained with the version before.
      """)

  @Argument(help: "The name of an adapter that was imported from an address.") var name: String
  @Flag(help: "Do not keep the version before.") var discard = false
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let reading = try Registry.open(at: base.location, for: .reading)
    let model = try reading.model(nameOrFolder: base.model)
    let record = try reading.adapter(named: name, of: model.name)
    try reading.close()
    let origin = try record.requiredOrigin
    guard let fetched = try FolderAddress.fetched(origin.address) else {
      throw AdapterUpdateError(record)
    }
    try Registry.edit(at: base.location) { registry in
      switch try registry.update(name, of: model, to: fetched) {
      case .unchanged(let record):
        output.report(
          "\(name) is up to date: \(origin.address) is still at \(origin.shortRevision).",
          .object([
            "name": .string(name), "updated": .bool(false), "revision": .string(origin.revision),
            "folder": .string(record.path),
          ]))
      case .updated(let record, let old):
        if discard { try registry.removeAdapter(old.name, of: model.name) }
        output.report(
          "\(name) is at \(fetched.revision.prefix(7)) of \(origin.address) now"
            + (discard ? "." : "; the version before is \(old.name)."),
          .object([
            "name": .string(name), "updated": .bool(true), "revision": .string(fetched.revision),
            "folder": .string(record.path), "kept": discard ? .null : .string(old.name),
          ]))
      }
    }
  }
}
