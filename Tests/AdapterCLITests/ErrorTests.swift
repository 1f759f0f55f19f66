import Foundation
import TestSupport
import Testing

@Suite struct ErrorTests {
  @Test(arguments: [
    (["predict", "--bogus"], "Unknown option '--bogus'"),
    (["predict", "--threads", "0", "a"], "--threads is 0; expected 1 or more."),
    (
      ["predict", "--max-length", "1", "a"],
      "--max-length is 1; [CLS] and [SEP] alone take 2. 0 stands for the model's limit."
    ),
    (["predict", "--column", "review", "a"], "--column is for --input, not for texts as arguments."),
    (["predict", "--input", "b", "a"], "There are texts and --input; expected one of them."),
    (["predict", "--json", "--table", "a"], "There are --json and --table; expected one of them."),
    (
      ["predict", "--adapter", "a=b", "--adapter", "a=c", "a"],
      "Two folders are given for the adapter 'a'; one is expected."
    ),
    (
      ["predict", "--format", "jsonl", "a"],
      "--format jsonl is for --input and standard input, not for texts as arguments."
    ),
    (["bench", "--repeats", "0"], "--repeats is 0; expected 1 to 1000000."),
    (["bench", "--repeats", "9223372036854775807"], "--repeats is 9223372036854775807; expected 1 to 1000000."),
    (
      ["bench", "--shapes", "9223372036854775807x2"],
      "The value '9223372036854775807x2' is invalid for '--shapes <1x16,8x128>'"
    ),
    (
      ["bench", "--shapes", "3037000500x3037000500"],
      "The value '3037000500x3037000500' is invalid for '--shapes <1x16,8x128>'"
    ),
    (["forward"], "Missing expected argument '--inputs <file.json>'"),
  ])
  func `A wrong command line has the exit code 64`(_ arguments: [String], _ message: String) throws {
    let result = try CommandLineTool.run(arguments)
    #expect(result.exitCode == 64)
    #expect(result.messages.hasPrefix("Error: \(message)\n"))
    #expect(result.messages.contains("Usage: adapter-cli \(arguments[0])"))
    #expect(result.output == "")
  }

  @Test(arguments: [
    (
      ["predict", "--setup", "Par(", "a"],
      "The setup names the block 'Par'; this program knows Stack, Parallel, BatchSplit, Split, Fuse, Average, Sum, "
        + "MultiTask."
    ),
    (["predict", "--input", "/no/such"], "/no/such: texts cannot be read from it (No such file or directory)."),
    (["predict", "--registry", "/no/such", "a"], "There is no registry at '/no/such'."),
    (
      ["predict", "--registry", "Package.swift", "a"],
      "'\(Fixtures.root.path)/Package.swift' is not an adapter registry: it is no SQLite database."
    ),
    (["predict", "--model", "Models", "a"], "Models/config.json: cannot be read (No such file or directory)."),
    (
      ["tokenize", "--model", "Adapters", "a"],
      "Adapters/spm.model: no such file, and none in its place. A tokenizer of DeBERTa-v2 and v3 is an spm.model, one of v1 is a vocab.json with merges.txt or a bpe_encoder.bin, and either can be a tokenizer.json. Copy it from where the model was published."
    ),
    (
      ["forward", "--fusion", "x,y=DIR", "--inputs", "a", "--output", "b"],
      "DIR/adapter_fusion_config.json: cannot be read (No such file or directory)."
    ),
    (
      ["forward", "--fusion-attentions", "--inputs", "a", "--output", "b"],
      "a: cannot be read (No such file or directory)."
    ),
    (
      ["forward", "--model", "Models/deberta-v3-tiny-en", "--inputs", "/no/such", "--output", "b"],
      "/no/such: cannot be read (No such file or directory)."
    ),
  ])
  func `What fails is told in one sentence with the exit code 1`(_ arguments: [String], _ message: String) throws {
    let result = try CommandLineTool.run(arguments)
    #expect(result.exitCode == 1)
    #expect(result.messages == "Error: \(message)\n")
    #expect(result.output == "")
  }

  @Test func `Without a registry it is told where it was looked for`() throws {
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      ["predict", "a"], in: folder.path, environment: ["XDG_DATA_HOME": folder.path("data")])
    #expect(result.exitCode == 1)
    #expect(
      result.messages == "Error: There is no registry of models and adapters at \(folder.path)/registry.sqlite, nor at "
        + "\(folder.path)/data/adapter-host/registry.sqlite. Name one with --registry, make one with 'adapter-cli models "
        + "register DIR', or give --model DIR.\n")
  }
}
