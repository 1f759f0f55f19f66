internal import AdapterHost
internal import ArgumentParser

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forgets adapters and deletes their folders beside the registry.",
    discussion: """
      Examples:
        adapter-cli remove old-section
        adapter-cli remove old-section old-facets --yes

      It asks first; where nobody can be asked it needs --yes. An adapter that a setup uses is not removed, nor is a \
      folder that lies elsewhere.
      """)

  @Argument(help: ArgumentHelp("The adapters' names.", valueName: "name")) var names: [String]
  @Flag(name: .shortAndLong, help: "Remove without asking.") var yes = false
  @OptionGroup(title: "Registry") var base: BaseArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model).name
    var seen: Set<String> = []
    let records = try registry.adapters(named: names.filter { seen.insert($0).inserted }, of: model)
    guard try yes || agrees(to: records) else { return print("Nothing was removed.") }
    try Registry.edit(at: base.location) { registry in
      for record in records {
        try registry.removeAdapter(record.name, of: model)
        print("Removed \(record.name) of \(model).")
      }
    }
  }

  /// - Throws: `ValidationError` where nobody can be asked.
  private func agrees(to records: [AdapterRecord]) throws -> Bool {
    guard Terminal.isInteractive, Terminal.showsMessages else {
      throw ValidationError("Nobody can be asked here whether to remove \(names.joined(separator: ", ")); give --yes.")
    }
    for record in records {
      Terminal.note("\(record.name)  \(record.method), \(record.byteCount.asBytes), \(record.path)".onOneLine)
    }
    Terminal.write("Remove \(records.count.counting("adapter")) for good? [y/N] ", to: 2)
    return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
  }
}
