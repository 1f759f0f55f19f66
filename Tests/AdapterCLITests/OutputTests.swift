import AdapterHost
import Foundation
import Glibc
import TestSupport
import Testing

@testable import AdapterCLI

/// What becomes of output that nobody takes, and of text that a terminal would act on.
@Suite struct OutputTests {
  /// Runs the program with its output going elsewhere.
  private func run(_ arguments: [String], to output: String, in folder: String? = nil) throws -> CommandLineTool.Result
  {
    try CommandLineTool.run(
      command: ["/bin/sh", "-c", "exec \"$0\" \"$@\" > '\(output)'", CommandLineTool.executable.path] + arguments,
      in: folder)
  }

  @Test(arguments: [
    ["list"], ["list", "--json"], ["models"], ["log"], ["show", "truecase"], ["inspect", "Adapters/truecase"],
    ["environment"], ["summary"], ["train", "--keys"], ["--help"], ["help", "train"], ["list", "--help"],
    ["completions", "bash"], ["tokenize", "a river"], ["predict", "--setup", "truecase", "a river"],
  ])
  func `Output that cannot be written is a failure`(_ arguments: [String]) throws {
    #expect(try run(arguments, to: "/dev/null") == CommandLineTool.Result(output: "", messages: "", exitCode: 0))
    #expect(
      try run(arguments, to: "/dev/full")
        == CommandLineTool.Result(
          output: "", messages: "Error: Standard output cannot be written (No space left on device).\n", exitCode: 1))
  }

  /// SQLite, GRDB and Foundation end the process where they get no descriptor.
  @Test(arguments: [["list"], ["predict", "--setup", "truecase", "a river"], ["train", "--keys"], ["verify"]])
  func `A process that may open few files works, or ends with a sentence`(_ arguments: [String]) throws {
    func run(_ limit: Int) throws -> CommandLineTool.Result {
      try CommandLineTool.run(
        command: ["/bin/sh", "-c", "ulimit -n \(limit); exec \"$0\" \"$@\"", CommandLineTool.executable.path]
          + arguments)
    }
    for limit in [5, 6, 7, 8, 9, 11, 16, 20, 30] {
      let result = try run(limit)
      #expect(result.exitCode == 1 && result.output.isEmpty)
      #expect(result.messages.hasPrefix("Error: The limit of open files is \(limit), and a command needs"), "\(result)")
    }
    #expect(try run(64).exitCode == 0)
  }

  @Test func `Many answers that cannot be written end with a message`() throws {
    let folder = try TemporaryFolder()
    let texts = try folder.write(String(repeating: "a man is eating here\n", count: 2_000), as: "texts.txt")
    for command in ["predict", "tokenize"] {
      let result = try run([command, "--input", texts], to: "/dev/full")
      #expect(result.exitCode == 1)
      #expect(result.messages == "Error: Standard output cannot be written (No space left on device).\n")
    }
  }

  @Test func `A reader that goes away ends the program quietly`() throws {
    let folder = try TemporaryFolder()
    let texts = try folder.write(String(repeating: "a man is eating here\n", count: 2_000), as: "texts.txt")
    let result = try CommandLineTool.run(
      command: [
        "/bin/sh", "-c", "\"$0\" tokenize --json --input '\(texts)' | head -n 1", CommandLineTool.executable.path,
      ])
    #expect(result.lines.count == 1)
    #expect(result.messages == "")
  }

  @Test func `A pipe is written to by forward, and a file is replaced`() throws {
    let folder = try TemporaryFolder()
    let inputs = try folder.write(#"{"input_ids": [[1, 5, 2]]}"#, as: "inputs.json")
    let file = try folder.write("something else", as: "file")
    let pipe = folder.path("pipe")
    #expect(mkfifo(pipe, 0o600) == 0)
    func forward(to output: String) throws -> CommandLineTool.Result {
      try CommandLineTool.run([
        "forward", "--model", "Models/deberta-v3-tiny-en", "--inputs", inputs, "--output", output,
      ])
    }
    #expect(try forward(to: file).exitCode == 0)
    let reader = Process()
    reader.executableURL = URL(filePath: "/bin/sh")
    reader.arguments = ["-c", "cat '\(pipe)' > '\(folder.path("copy"))'"]
    try reader.run()
    #expect(try forward(to: pipe).exitCode == 0)
    reader.waitUntilExit()
    var status = stat()
    #expect(stat(pipe, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO)
    let written = try Data(contentsOf: URL(filePath: file))
    #expect(written.count > 1_000)
    #expect(try Data(contentsOf: URL(filePath: folder.path("copy"))) == written)
    let folderResult = try forward(to: folder.path(""))
    #expect(folderResult.exitCode == 1)
  }

  @Test func `A full device keeps what it is, and is reported`() throws {
    let folder = try TemporaryFolder()
    let inputs = try folder.write(#"{"input_ids": [[1, 5, 2]]}"#, as: "inputs.json")
    let result = try CommandLineTool.run([
      "forward", "--model", "Models/deberta-v3-tiny-en", "--inputs", inputs, "--output", "/dev/full",
    ])
    #expect(result.exitCode == 1)
    #expect(result.messages == "Error: /dev/full: cannot be written; writing failed (No space left on device).\n")
    var status = stat()
    #expect(stat("/dev/full", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
  }

  // MARK: What a terminal would act on

  private static let acting = "\u{1B}]0;X\u{7}\u{9B}35m\u{202E}abc\u{2066}\u{200F}"
  private static let shown = #"\u{1B}]0;X\u{07}\u{009B}35m\u{202E}abc\u{2066}\u{200F}"#

  @Test func `What a terminal would act on is escaped, and nothing else`() throws {
    #expect(Self.acting.escaped == Self.shown)
    #expect("日本 e\u{301} 😀\tb\n".escaped == "日本 e\u{301} 😀\tb\n")
    #expect("a\rb\u{7F}\u{0}\u{85}\u{2028}".escaped == #"a\rb\u{7F}\0\u{0085}\u{2028}"#)
    let red = String(try #require(Unicode.Scalar(Style.red.rawValue)))
    #expect((red + "text").onOneLine == #"\u{FDD3}text"#)
  }

  @Test func `A message without end is cut in its middle`() {
    let long = String(repeating: "a", count: 1_000_000) + "the end"
    #expect("short".shortened == "short")
    #expect(long.shortened.count < 5_000 && long.shortened.hasPrefix("aaa") && long.shortened.hasSuffix("the end"))
  }

  @Test(arguments: [
    ["predict", "--model", acting, "x"], ["predict", "--setup", "Stack(\(acting))", "x"], ["predict", "--\(acting)"],
    ["predict", "--active-heads", acting, "x"], ["predict", "--input", acting], ["list", "--registry", acting],
    ["show", acting], ["inspect", acting], [acting],
    ["train", "--adapter", "q", "--config", "lora[\(acting)=1]", "--head", "classification", "--train", "x"],
  ])
  func `No argument reaches a terminal as it is`(_ arguments: [String]) throws {
    let result = try CommandLineTool.run(arguments)
    #expect([1, 64].contains(result.exitCode))
    #expect(result.messages.contains("abc"))
    #expect(!result.messages.unicodeScalars.contains { $0.actsOnTerminals && $0 != "\n" && $0 != "\t" })
  }

  @Test func `JSON writes it as escapes that mean the same`() throws {
    let result = try CommandLineTool.run(["tokenize", "--json", "a \(Self.acting)"])
    #expect(result.exitCode == 0)
    #expect(!result.output.unicodeScalars.contains { $0.actsOnTerminals && $0 != "\n" })
    let value = JSONValue.string(Self.acting)
    #expect(try JSONValue(Data(value.line.utf8), file: "line") == value)
  }
}
