import Foundation
import Glibc
import TestSupport

/// The program as a user runs it.
struct CommandLineTool {
  struct Result: Equatable {
    let output: String
    let messages: String
    let exitCode: Int32

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
  }

  /// It was built beside the tests.
  static var executable: URL {
    get throws {
      let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
      return URL(filePath: tests).deletingLastPathComponent().appending(path: "adapter-cli")
    }
  }

  /// Runs the program and waits for its end.
  ///
  /// - Parameters:
  ///   - folder: the current folder; by default the package's, with the shipped registry.
  static func run(
    _ arguments: [String], input: Data = Data(), in folder: String? = nil, environment: [String: String] = [:]
  ) throws -> Result {
    let process = try process(arguments, in: folder, environment: environment)
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

  static func run(_ arguments: String..., input: String = "") throws -> Result {
    try run(arguments, input: Data(input.utf8))
  }

  /// A pipe whose ends other programs, which are started meanwhile, do not get.
  static func pipe() -> (reading: FileHandle, writing: FileHandle) {
    var ends: [Int32] = [-1, -1]
    _ = Glibc.pipe(&ends)
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (
      FileHandle(fileDescriptor: ends[0], closeOnDealloc: true),
      FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
    )
  }

  /// The program, not yet started.
  static func process(
    _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.executableURL = try executable
    process.arguments = arguments
    process.currentDirectoryURL = URL(filePath: folder ?? Fixtures.root.path)
    var inherited = ProcessInfo.processInfo.environment
    for name in ["ADAPTER_HOST_REGISTRY", "XDG_DATA_HOME", "COLUMNS"] { inherited[name] = nil }
    process.environment = inherited.merging(environment) { $1 }
    return process
  }
}
