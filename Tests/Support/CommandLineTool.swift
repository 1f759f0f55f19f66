public import Foundation
internal import Glibc

/// The program as a user runs it.
public struct CommandLineTool {
  public struct Result: Equatable, Sendable {
    public let output: String
    public let messages: String
    public let exitCode: Int32

    public init(output: String, messages: String, exitCode: Int32) {
      (self.output, self.messages, self.exitCode) = (output, messages, exitCode)
    }

    public var lines: [String] {
      output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  /// It was built beside the tests.
  public static var executable: URL {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(filePath: tests).deletingLastPathComponent().appending(path: "adapter-cli")
    }
  }

  /// Runs the program and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: the words behind the program's name.
  ///   - input: what it reads.
  ///   - folder: the current folder; by default the package's, with the shipped registry.
  ///   - environment: variables that are set.
  public static func run(
    _ arguments: [String], input: Data = Data(), in folder: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    try run(command: [executable.path] + arguments, input: input, in: folder, environment: environment)
  }

  public static func run(_ arguments: String..., input: String = "") throws -> Result {
    try run(arguments, input: Data(input.utf8))
  }

  /// Runs any command in the same way; its first word is a path.
  public static func run(
    command: [String], input: Data = Data(), in folder: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    let process = process(command: command, in: folder, environment: environment)
    let scratch = try TemporaryFolder()
    for name in ["output", "messages"] { try scratch.write("", as: name) }
    try input.write(to: URL(filePath: scratch.path("input")))
    process.standardInput = FileHandle(forReadingAtPath: scratch.path("input"))
    process.standardOutput = FileHandle(forWritingAtPath: scratch.path("output"))
    process.standardError = FileHandle(forWritingAtPath: scratch.path("messages"))
    try process.run()
    process.waitUntilExit()
    func text(_ name: String) throws -> String { try String(contentsOfFile: scratch.path(name), encoding: .utf8) }
    return try Result(output: text("output"), messages: text("messages"), exitCode: process.terminationStatus)
  }

  /// A pipe whose ends other programs, which are started meanwhile, do not get.
  public static func pipe() -> (reading: FileHandle, writing: FileHandle) {
    var ends: [Int32] = [-1, -1]
    _ = Glibc.pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (
      FileHandle(fileDescriptor: ends[0], closeOnDealloc: true),
      FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    )
  }

  /// The program, not yet started.
  public static func process(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]
  ) throws -> Process {
    try process(command: [executable.path] + arguments, in: folder, environment: environment)
  }

  private static func process(command: [String], in folder: String?, environment: [String: String]) -> Process {
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(filePath: folder ?? Fixtures.root.path)
    var inherited = ProcessInfo.processInfo.environment
    for name in ["ADAPTER_HOST_REGISTRY", "XDG_DATA_HOME", "COLUMNS", "NO_COLOR"] { inherited[name] = nil }
    process.environment = inherited.merging(environment) { $1 }
    return process
  }
}
