internal import AdapterHost
internal import ArgumentParser

struct RenameCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rename",
    abstract: "Gives an adapter or a fusion another name, also in the setups that use it.",
    discussion: """
      Example:
        adapter-cli rename debian-section section

      Its folder stays where it is; 'export' writes it under the new name.
      """)

  @Argument(help: "What it is called.") var name: String
  @Argument(help: "What to call it.") var newName: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func run() throws {
    try Registry.edit(at: base.location) { registry in
      let model = try registry.model(nameOrFolder: base.model).name
      try registry.rename(name, to: newName, of: model)
      output.report(
        "\(name) is called \(newName) now.",
        .object(["model": .string(model), "name": .string(newName), "was": .string(name)]))
    }
  }
}
