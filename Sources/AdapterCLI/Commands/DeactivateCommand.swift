internal import AdapterHost
internal import ArgumentParser

struct DeactivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deactivate",
    abstract: "Takes the active setup of a base model away.",
    discussion: """
      Example:
        adapter-cli deactivate
      """)

  @OptionGroup(title: "Registry") var base: BaseArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.deactivate(model: model)
      print("No adapter is active for \(model).")
    }
  }
}
