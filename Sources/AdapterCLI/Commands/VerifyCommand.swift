internal import AdapterHost
internal import ArgumentParser

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Reads every registered file again and reports what is not as it was entered.",
    discussion: """
      Examples:
        adapter-cli verify
        adapter-cli verify --json

      Finds files and folders that are missing, changed or added, and folders that belong to nothing. Nothing is \
      changed; 'adapter-cli repair' puts right what it can. The exit code is 1 if something is found.
      """)

  @OptionGroup(title: "Registry") var registry: RegistryArguments
  @OptionGroup(title: "Output") var output: OutputArguments

  func run() throws {
    let registry = try Registry.open(at: registry.location, for: .reading)
    let isWatched = Terminal.showsMessages && output.isTable
    var folders = 0
    let findings = try registry.verify { owner in
      folders += 1
      if isWatched { Terminal.showStatus("Reading \(owner.description)") }
    }
    if isWatched { Terminal.clearStatus() }
    if output.isTable {
      for finding in findings { print(Style.red("\(finding)".onOneLine)) }
      if findings.isEmpty { print(Style.green("Everything is as it was entered: \(folders.counting("folder")).")) }
    } else {
      print(listed(findings.map(\.object.line), asArray: output.json), terminator: "")
    }
    if !findings.isEmpty { throw OpenFindings(count: findings.count, command: "repair") }
  }
}

/// There are unresolved findings; each was printed.
struct OpenFindings: Error, CustomStringConvertible {
  let count: Int
  /// A command that may help.
  let command: String?

  var description: String {
    "\(count.counting("finding"))\(command.map { "; 'adapter-cli \($0)' puts right what it can" } ?? " left")."
  }
}
