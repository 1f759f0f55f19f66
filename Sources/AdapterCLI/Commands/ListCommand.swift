internal import AdapterHost
internal import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the registered adapters of a base model.",
    discussion: """
      Examples:
        adapter-cli list
        adapter-cli list --json
        adapter-cli list --method lora --tag production --sort size --reverse
        adapter-cli list --registry other.sqlite --model NAME

      Filters count together; each may be repeated, and then one of its values must fit.
      """)

  enum Order: String, CaseIterable, ExpressibleByArgument { case name, method, head, parameters, size, added }

  @Option(help: ArgumentHelp("Only adapters of a method, such as lora.", valueName: "method")) var method: [String] = []
  @Option(help: ArgumentHelp("Only adapters with a kind of head; 'none' is no head.", valueName: "kind"))
  var head: [String] = []
  @Option(help: ArgumentHelp("Only adapters with a tag.", valueName: "tag")) var tag: [String] = []
  @Flag(help: "Only adapters of the active setup.") var active = false
  @Option(help: ArgumentHelp("What to sort by.", valueName: "column")) var sort = Order.name
  @Flag(help: "Sort the other way round.") var reverse = false
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model)
    let adapters = try registry.adapters(of: model.name)
    let listing = AdapterListing(sorted(adapters.filter(isWanted)))
    if output.isTable {
      let setup = try registry.activeSetup(of: model.name)?.expression
      let lines = listing.heading(model: model.name, setup: setup, width: Terminal.width)
      print((lines + [""]).joined(separator: "\n"))
      if adapters.isEmpty {
        print("No adapter is registered: 'adapter-cli help import' and 'help add' tell how.")
      } else if listing.isEmpty {
        print("None of the \(adapters.count.counting("adapter")) fits the filters.")
      } else {
        printTable(listing.table)
      }
    } else {
      print(listed(listing.objects, asArray: output.json), terminator: "")
    }
  }

  private func isWanted(_ record: AdapterRecord) -> Bool {
    (method.isEmpty || method.contains(record.method))
      && (head.isEmpty || head.contains(record.head?.kind ?? "none"))
      && (tag.isEmpty || !Set(tag).isDisjoint(with: record.tags)) && (!active || record.isActive)
  }

  /// Adapters that are alike stay in the order of their names.
  private func sorted(_ records: [AdapterRecord]) -> [AdapterRecord] {
    let sorted = records.sorted { a, b in
      switch sort {
      case .name: a.name < b.name
      case .method: (a.method, a.name) < (b.method, b.name)
      case .head: (a.head?.kind ?? "", a.name) < (b.head?.kind ?? "", b.name)
      case .parameters: (a.parameterCount, a.name) < (b.parameterCount, b.name)
      case .size: (a.byteCount, a.name) < (b.byteCount, b.name)
      case .added: (a.created, a.name) < (b.created, b.name)
      }
    }
    return reverse ? sorted.reversed() : sorted
  }
}
