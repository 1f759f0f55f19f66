internal import AdapterHost
public import ArgumentParser

struct RepairCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Repairs what 'verify' finds, as far as nothing can be lost by it.",
    discussion: """
      Examples:
        adapter-cli repair
        adapter-cli repair --changed accept

      A folder that belongs to nothing becomes an adapter if it holds one for the base model, and is moved to \
      Adapters/.quarantine if not. A row whose folder is missing gets it back if it is found under another name. What \
      a stopped command left is removed; nothing else ever is. The exit code is 1 if something is left.
      """)

  @Option(
    help: ArgumentHelp(
      "What to do with an adapter whose files have changed: move them to Adapters/.quarantine and forget it, or take "
        + "them as they are.", valueName: "action"))
  var changed = ChangedFolders.quarantine
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let steps = try Registry.edit(at: base.location) { registry in
      try registry.repair(changed: changed, of: registry.model(nameOrFolder: base.model))
    }
    if output.isTable {
      for step in steps { print((step.outcome.isOpen ? Style.red : Style.green)("\(step)".onOneLine)) }
      if steps.isEmpty { print(Style.green("There is nothing to repair.")) }
    } else {
      print(listed(steps.map(\.object.line), asArray: output.json), terminator: "")
    }
    let open = steps.count { $0.outcome.isOpen }
    if open > 0 { throw OpenFindings(count: open, command: nil) }
  }
}

extension ChangedFolders: ExpressibleByArgument {}
