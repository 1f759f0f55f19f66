internal import AdapterHost
internal import ArgumentParser

struct DeactivateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "deactivate",
    abstract: "Clears the active setup of a base model.",
    discussion: """
      Example:
        adapter-cli deactivate
      """)

  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.deactivate(model: model)
      output.report("No adapter is active for \(model).", .object(["model": .string(model), "setup": .null]))
    }
  }
}
