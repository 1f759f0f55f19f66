internal import AdapterHost
internal import ArgumentParser

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the registered adapters and fusions of a base model.",
    discussion: """
      Examples:
        adapter-cli list
        adapter-cli list --json
        adapter-cli list --method lora --tag production --sort size --reverse
        adapter-cli list --registry other.sqlite --model NAME

      Filters count together; each may be repeated, and then one of its values must fit.

      --json writes one array of objects, a pipe without --json JSON Lines of the same objects: {"name": "...", \
      "method": "lora", "head": "classification", "parameters": 101644, "active": true, "bytes": ..., "tags": [...], \
      ...}; a fusion has the method "fusion" and "joins": [...].
      """)

  enum Order: String, CaseIterable, ExpressibleByArgument { case name, method, head, parameters, size, added }

  @Option(help: ArgumentHelp("Only adapters of a method, such as lora or ia3.", valueName: "method"))
  var method: [String] = []
  @Option(help: ArgumentHelp("Only adapters with a kind of head; 'none' is no head.", valueName: "kind"))
  var head: [String] = []
  @Option(help: ArgumentHelp("Only adapters with a tag.", valueName: "tag")) var tag: [String] = []
  @Flag(help: "Only what the active setup uses.") var active = false
  @Option(help: ArgumentHelp("What to sort by.", valueName: "column")) var sort = Order.name
  @Flag(help: "Sort the other way round.") var reverse = false
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: base.location, for: .reading)
    let model = try registry.model(nameOrFolder: base.model)
    let faults = RowFaults()
    let items = try registry.items(of: model.name, faults: faults.add)
    let listing = ItemListing(sorted(items.filter(isWanted)))
    if output.isTable {
      let setup = try faults.value { try registry.activeSetup(of: model.name)?.expression }
      let lines = listing.heading(model: model.name, setup: setup, width: Terminal.width)
      print((lines + [""]).joined(separator: "\n"))
      if !listing.isEmpty { printTable(listing.table) }
    } else {
      print(listed(listing.objects, asArray: output.json), terminator: "")
    }
    if listing.isEmpty { Terminal.note(reason(model.name, items)) }
    try faults.report()
  }

  /// Why the list is empty.
  private func reason(_ model: String, _ items: [RegisteredItem]) -> String {
    if items.isEmpty {
      return "No adapter is registered for \(model): 'adapter-cli help import', 'help add' and 'help train' show how."
    }
    let known = [
      ("method", method.map { $0.lowercased() }, Set(items.map(\.method))),
      ("head", head, Set(items.map { $0.head?.kind ?? "none" })),
      ("tag", tag, Set(items.flatMap(\.tags))),
    ]
    for (option, values, present) in known where !values.isEmpty && present.isDisjoint(with: values) {
      return "No adapter of \(model) has the \(option) \(values.joined(separator: " or ")); "
        + (present.isEmpty ? "none has one." : "there are \(present.sorted().joined(separator: ", ")).")
    }
    return "None of the \(items.count.counting("adapter")) of \(model) matches all filters."
  }

  private func isWanted(_ item: RegisteredItem) -> Bool {
    (method.isEmpty || method.contains { $0.lowercased() == item.method })
      && (head.isEmpty || head.contains(item.head?.kind ?? "none"))
      && (tag.isEmpty || !Set(tag).isDisjoint(with: item.tags)) && (!active || item.isActive)
  }

  /// A stable sort of items that are ordered by name.
  private func sorted(_ items: [RegisteredItem]) -> [RegisteredItem] {
    let sorted = items.sorted { a, b in
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
