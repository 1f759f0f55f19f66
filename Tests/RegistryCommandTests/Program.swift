import AdapterHost
import Foundation
import TestSupport
import Testing

/// A copy of what the package ships, with the program in it as its current folder.
struct Workplace {
  typealias Outcome = CommandLineTool.Result

  private let scratch: TemporaryFolder

  /// The absolute path of the copy, links resolved.
  var path: String { path("") }

  init() throws {
    scratch = try TemporaryFolder()
    let home = try scratch.folder("home")
    try FileManager.default.createDirectory(atPath: home + "/Adapters", withIntermediateDirectories: false)
    for name in ["Models", "registry.sqlite"] + Self.shipped.map({ "Adapters/\($0)" }) {
      let source = Fixtures.root.appending(path: name).resolvingSymlinksInPath().path
      try FileManager.default.copyItem(atPath: source, toPath: "\(home)/\(name)")
    }
  }

  /// The adapters of the shipped registry.
  static let shipped = ["debian-facets", "debian-section", "truecase", "wordnet-domain"]

  /// The path of something in it.
  func path(_ name: String) -> String { scratch.path("home") + (name.isEmpty ? "" : "/" + name) }

  /// The path of something beside it.
  func outside(_ name: String) -> String { scratch.path(name) }

  /// Runs the program and waits for its end.
  ///
  /// - Parameter wrapper: a command that runs it, such as `setpriv` with its options.
  func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], through wrapper: [String] = []
  ) throws -> Outcome {
    try CommandLineTool.run(
      command: wrapper + [CommandLineTool.executable.path] + arguments, input: Data(input.utf8), in: path,
      environment: environment)
  }

  func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// How long the program takes; it must succeed.
  func microseconds(_ arguments: [String]) throws -> Double {
    let start = ContinuousClock.now
    let outcome = try run(arguments)
    #expect(outcome.exitCode == 0, "\(arguments): \(outcome)")
    let time = (ContinuousClock.now - start).components
    return Double(time.seconds) * 1e6 + Double(time.attoseconds) * 1e-12
  }

  /// Starts the program and kills it; false if it was done before.
  func kill(_ arguments: [String], after delay: UInt32) throws -> Bool {
    let process = try CommandLineTool.process(arguments, in: path)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    usleep(delay)
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal
  }

  /// Starts the program, sends it a signal, and waits for its end.
  ///
  /// - Returns: the exit code; that of a shell where the signal itself ended the program.
  func end(_ arguments: [String], with signal: Int32, after delay: UInt32) throws -> Int32 {
    let process = try CommandLineTool.process(arguments, in: path)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    usleep(delay)
    Foundation.kill(process.processIdentifier, signal)
    process.waitUntilExit()
    return process.terminationReason == .uncaughtSignal ? 128 + process.terminationStatus : process.terminationStatus
  }

  /// Runs the program on a terminal, where somebody types.
  func runOnTerminal(
    _ arguments: String..., typing input: String = "", columns: Int = 80, environment: [String: String] = [:]
  ) throws -> String {
    let command = try ([CommandLineTool.executable.path] + arguments).joined(separator: " ")
    let outcome = try CommandLineTool.run(
      command: ["/usr/bin/script", "-qec", "stty cols \(columns); \(command)", "/dev/null"], input: Data(input.utf8),
      in: path,
      environment: environment.merging(["TERM": "xterm"]) { given, _ in given })
    return outcome.output.replacing("\r\n", with: "\n")
  }

  /// Every file below the folder with its bytes.
  ///
  /// Of the registry what it records counts, not its bytes: opening it for a change that is refused moves counters.
  func contents() throws -> [String: Data] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: path)
    return try names.reduce(into: [:]) { contents, name in
      if name == "registry.sqlite" {
        contents[name] = try Data((run("list", "--json").output + run("log", "--json").output).utf8)
        return
      }
      var isFolder = ObjCBool(false)
      _ = FileManager.default.fileExists(atPath: path(name), isDirectory: &isFolder)
      contents[name] = isFolder.boolValue ? Data() : try Data(contentsOf: URL(filePath: path(name)))
    }
  }

  /// The names that `list` gives.
  func adapters() throws -> [String] {
    try run("list").lines.map { line in
      let name = line.firstRange(of: #""name": ""#).map { line[$0.upperBound...].prefix { $0 != "\"" } }
      return String(name ?? "")
    }
  }
}

extension CommandLineTool.Result {
  static func printed(_ output: String) -> Self { Self(output: output, messages: "", exitCode: 0) }
  /// The output as an object of JSON.
  var object: ConfigurationFields {
    get throws { try ConfigurationFields(JSONValue(Data(output.utf8), file: "output"), file: "output") }
  }

  static func failed(_ message: String) -> Self { Self(output: "", messages: "Error: \(message)\n", exitCode: 1) }
}
