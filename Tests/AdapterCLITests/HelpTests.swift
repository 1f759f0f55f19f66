import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import AdapterCLI

/// The complete help of every command is kept in `Tests/Fixtures/help`, as it is shown at 80 columns.
/// `Tools/make_help_fixtures.sh` writes it anew.
@Suite struct HelpTests {
  struct Command: Sendable, CustomTestStringConvertible {
    let type: any ParsableCommand.Type
    let path: [String]

    var testDescription: String { path.joined(separator: " ") }
  }

  private static func commands(of type: any ParsableCommand.Type, path: [String]) -> [Command] {
    let configuration = type.configuration
    let own = path + [configuration.commandName ?? ""]
    let children = configuration.subcommands + configuration.groupedSubcommands.flatMap(\.subcommands)
    return [Command(type: type, path: own)] + children.flatMap { commands(of: $0, path: own) }
  }

  private static let all = commands(of: AdapterCLI.self, path: [])

  @Test func `The program and each command are found`() {
    #expect(Self.all.count > 10)
    #expect(Self.all[0].path == ["adapter-cli"])
  }

  @Test(arguments: all)
  func `The help of a command is the one that is kept`(_ command: Command) throws {
    let file = Fixtures.file("help/\(command.path.joined(separator: "-")).txt")
    let kept = try String(contentsOf: file, encoding: .utf8)
    #expect(AdapterCLI.helpMessage(for: command.type, columns: 80) + "\n" == kept)
  }

  @Test(arguments: all)
  func `The help of a command shows an example and fits 80 columns`(_ command: Command) {
    let help = AdapterCLI.helpMessage(for: command.type, columns: 80)
    #expect(help.contains("\n  adapter-cli "))
    // Examples and the parser's own line of usage are not wrapped.
    for line in help.split(separator: "\n") where !line.hasPrefix("  adapter-cli ") && !line.hasPrefix("USAGE: ") {
      #expect(line.count <= 80, "\(line)")
    }
  }

  @Test func `Asked for on the command line, the help is the same`() throws {
    let result = try CommandLineTool.run(["help", "predict"], environment: ["COLUMNS": "80"])
    #expect(result.exitCode == 0)
    #expect(result.output == AdapterCLI.helpMessage(for: PredictCommand.self, columns: 80) + "\n")
  }
}
