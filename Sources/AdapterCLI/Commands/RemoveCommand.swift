internal import AdapterHost
internal import ArgumentParser

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forgets adapters and fusions and deletes their folders next to the registry.",
    discussion: """
      Examples:
        adapter-cli remove old-section
        adapter-cli remove old-section old-facets --yes

      It asks first; where nobody can be asked it needs --yes. What a setup or a fusion uses is not removed, nor is a \
      folder that lies elsewhere.
      """)

  @Argument(help: ArgumentHelp("The names of adapters and fusions.", valueName: "name")) var names: [String]
  @OptionGroup var agreement: AgreementArguments
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model).name
    var seen: Set<String> = []
    let items = try names.filter { seen.insert($0).inserted }.map { try registry.item(named: $0, of: model) }
    let agrees = try agreement.agrees(
      toRemove: items.map(\.name), items.count.counting("item"),
      items.map { "\($0.name)  \($0.method), \($0.byteCount.asBytes), \($0.path)" })
    guard agrees else { return output.report([("Nothing was removed.", .null)].filter { _ in !output.json }) }
    try Registry.edit(at: base.location) { registry in
      output.report(
        try items.map { item in
          try registry.remove(item)
          return (
            "Removed \(item.name) of \(model).",
            .object(["name": .string(item.name), "model": .string(model)])
          )
        })
    }
  }
}

/// Whether to remove without confirmation.
struct AgreementArguments: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Remove without asking.") var yes = false

  /// Asks for confirmation, unless it was given before.
  ///
  /// - Parameters:
  ///   - names: what will be removed.
  ///   - summary: a short description of it.
  ///   - lines: details to show first.
  /// - Throws: `ValidationError`, if there is no terminal to ask on.
  func agrees(toRemove names: [String], _ summary: String, _ lines: [String]) throws -> Bool {
    if yes { return true }
    guard Terminal.isInteractive, Terminal.showsMessages else {
      throw ValidationError("Nobody can be asked here whether to remove \(names.joined(separator: ", ")); give --yes.")
    }
    for line in lines { Terminal.note(line.onOneLine) }
    Terminal.write("Remove \(summary) for good? [y/N] ", to: 2)
    return ["y", "yes"].contains(readLine()?.lowercased() ?? "")
  }
}
