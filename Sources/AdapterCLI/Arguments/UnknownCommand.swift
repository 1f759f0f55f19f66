internal import AdapterHost
internal import ArgumentParser

/// An unknown word in place of a command.
enum UnknownCommand {
  /// The error in the command words.
  ///
  /// - Returns: nil, if all commands exist; else an error with exit code 64 and the closest commands.
  static func error(in arguments: [String], of program: any ParsableCommand.Type) -> ValidationError? {
    var commands = children(of: program)
    var path = ""
    for word in arguments.drop(while: { $0 == "help" }) {
      guard !commands.isEmpty, !word.hasPrefix("-") else { return nil }
      guard let command = commands[word] else {
        let nearest = NearestNames.of(word, in: commands.keys.sorted(), limit: 2).map { "'\($0)'" }
        return ValidationError(
          "There is no command '\(path)\(word)'"
            + (nearest.isEmpty
              ? "; 'adapter-cli help' lists all commands." : "; did you mean \(nearest.joined(separator: " or "))?"))
      }
      commands = children(of: command)
      path += word + " "
    }
    return nil
  }

  private static func children(of command: any ParsableCommand.Type) -> [String: any ParsableCommand.Type] {
    let configuration = command.configuration
    let all = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
    return Dictionary(all.compactMap { child in child.configuration.commandName.map { ($0, child) } }) { first, _ in
      first
    }
  }
}
