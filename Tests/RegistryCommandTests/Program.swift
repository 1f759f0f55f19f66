import Foundation
import TestSupport

/// A copy of what the package ships, with the program in it as its current folder.
struct Workplace {
  struct Outcome: Equatable {
    let output: String
    let messages: String
    let exitCode: Int32

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }

    static func printed(_ output: String) -> Outcome { Outcome(output: output, messages: "", exitCode: 0) }
    static func failed(_ message: String) -> Outcome {
      Outcome(output: "", messages: "Error: \(message)\n", exitCode: 1)
    }
  }

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

  /// The program, built beside the tests.
  static var executable: URL {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(filePath: tests).deletingLastPathComponent().appending(path: "adapter-cli")
    }
  }

  /// Runs the program and waits for its end.
  ///
  /// - Parameter wrapper: a command that runs it, such as `setpriv` with its options.
  func run(
    _ arguments: [String], input: String = "", environment: [String: String] = [:], through wrapper: [String] = []
  ) throws -> Outcome {
    try start(wrapper + [Self.executable.path] + arguments, input: input, environment: environment)
  }

  func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

  /// Runs the program on a terminal of 80 columns, where somebody types.
  func runOnTerminal(
    _ arguments: String..., typing input: String = "", environment: [String: String] = [:]
  ) throws -> String {
    let command = try ([Self.executable.path] + arguments).joined(separator: " ")
    let outcome = try start(
      ["/usr/bin/script", "-qec", command, "/dev/null"], input: input,
      environment: environment.merging(["TERM": "xterm"]) { given, _ in given })
    return outcome.output.replacing("\r\n", with: "\n")
  }

  private func start(_ command: [String], input: String, environment: [String: String]) throws -> Outcome {
    let folder = try TemporaryFolder()
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(filePath: path)
    var inherited = ProcessInfo.processInfo.environment
    for name in ["ADAPTER_HOST_REGISTRY", "XDG_DATA_HOME", "COLUMNS", "NO_COLOR"] { inherited[name] = nil }
    process.environment = inherited.merging(environment) { $1 }
    try folder.write(input, as: "input")
    for name in ["output", "messages"] { try folder.write("", as: name) }
    process.standardInput = FileHandle(forReadingAtPath: folder.path("input"))
    process.standardOutput = FileHandle(forWritingAtPath: folder.path("output"))
    process.standardError = FileHandle(forWritingAtPath: folder.path("messages"))
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String { try String(contentsOfFile: folder.path(name), encoding: .utf8) }
    return try Outcome(output: text("output"), messages: text("messages"), exitCode: process.terminationStatus)
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
