internal import AdapterHost
internal import ArgumentParser

struct InspectCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Shows what a folder or file of a model, an adapter or a head holds, and what of it would be used.",
    discussion: """
      Examples:
        adapter-cli inspect Models/deberta-v3-tiny-en
        adapter-cli inspect ../trained/sentiment --model deberta-v3-tiny-en
        adapter-cli inspect pytorch_model.bin --json
        adapter-cli inspect hf:ORG/NAME

      Every tensor is listed with its shape and type and with what loading would do with it: it is used; it is left, \
      because it is known to belong to something else; it is unexpected or has another shape than is needed, so that \
      loading fails; or it is unknown, because nothing describes it. What is missing or wrong stands first. In a table \
      equal tensors of several layers share a row. An adapter or a fusion is tried with the base model that --model \
      names, else with the default one of the registry, if there is one. The exit code is 1 if something could not be \
      used.
      """)

  @Argument(help: "A folder, or one file of tensors.") var path: String
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try change(&path)
    try base.changeFolders(change)
  }

  func run() throws {
    let base = try Inspection.Base(request: base.model, location: base.location)
    let inspection = try Inspection(path, base: base)
    if let base, let doubt = PeftBase(of: path)?.doubt(about: base.path, called: base.name) { Terminal.note(doubt) }
    let report = InspectionReport(inspection)
    if output.isTable {
      print(report.lines(width: Terminal.width).joined(separator: "\n"))
    } else {
      printObject(report.object, output)
    }
    if inspection.parts.contains(where: { $0.problem != nil }) { throw ExitCode.failure }
  }
}
