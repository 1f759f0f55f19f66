import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct RegistryCommandTests {
  /// A folder with copies of what the package ships.
  private func copy() throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    for name in ["Models", "Adapters", "registry.sqlite"] {
      try FileManager.default.copyItem(
        atPath: Fixtures.root.appending(path: name).path, toPath: folder.path(name))
    }
    return folder
  }

  private func run(_ arguments: String..., in folder: TemporaryFolder) throws -> CommandLineTool.Result {
    try CommandLineTool.run(arguments, in: folder.path)
  }

  @Test func `Reading leaves the registry as it is, in a folder that may not be written`() throws {
    let folder = try copy()
    func contents() throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("registry") }
      return try Dictionary(
        uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(filePath: folder.path($0)))) })
    }
    let before = try contents()
    #expect(before.keys.sorted() == ["registry.sqlite"])
    try FileManager.default.setAttributes([.posixPermissions: 0o555], ofItemAtPath: folder.path)
    defer { try? FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path) }
    #expect(try run("list", in: folder).exitCode == 0)
    #expect(try run("models", in: folder).exitCode == 0)
    #expect(try run("predict", "a", in: folder).exitCode == 0)
    #expect(try contents() == before)
  }

  @Test func `The list says what is registered and what is active`() throws {
    let result = try run("list", "--json", in: copy())
    let value = try JSONValue(Data(result.output.utf8), file: "list")
    guard case .array(let elements) = value else {
      Issue.record("no array")
      return
    }
    let rows = try elements.map { try ConfigurationFields($0, file: "list") }
    #expect(
      try rows.map { try $0.string("name") } == ["debian-facets", "debian-section", "truecase", "wordnet-domain"])
    #expect(try rows.map { try $0.string("method") } == ["lora", "seq_bn", "double_seq_bn", "par_bn"])
    #expect(
      try rows.map { try $0.string("head") } == [
        "multilabel_classification", "classification", "tagging", "classification",
      ])
    #expect(try rows.map { try $0.integer("parameters", in: 0...1_000_000) } == [32_768, 33_856, 67_712, 263_680])
    #expect(try rows.map { try $0.bool("active") } == [true, true, true, true])
  }

  @Test func `Activation changes which heads answer`() throws {
    let folder = try copy()
    #expect(
      try run("activate", "Parallel(truecase,wordnet-domain)", in: folder)
        == CommandLineTool.Result(
          output: "Parallel(truecase, wordnet-domain) is active for deberta-v3-tiny-en.\n", messages: "", exitCode: 0))
    #expect(try run("predict", "a", in: folder).output.contains(#""heads": {"truecase": {"#))
    #expect(try !run("predict", "a", in: folder).output.contains("debian"))
    #expect(try run("activate", "truecase", in: folder).exitCode == 0)
    #expect(try run("deactivate", in: folder).output == "No adapter is active for deberta-v3-tiny-en.\n")
    let answer = try run("predict", "a", in: folder)
    #expect(answer.exitCode == 1)
    #expect(answer.output.contains(#""heads": {"default": {"masks": []}}"#))
    #expect(answer.messages.hasPrefix("line 1: the text has no [MASK], and nothing else is answered by 'default'."))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "Adapters", "Models", "registry.sqlite",
      ])
  }

  @Test func `A head for questions answers a line with its context, and tells one without`() throws {
    let folder = try copy()
    #expect(try run("add", "qa", "--head", "question_answering", in: folder).exitCode == 0)
    try folder.write(#"{"text": "who?", "pair": "it was me"}"# + "\n" + #"{"text": "who?"}"#, as: "questions.jsonl")
    let answers = try run("predict", "--setup", "qa", "--input", "questions.jsonl", in: folder)
    #expect(answers.exitCode == 1)
    #expect(answers.messages.hasPrefix("line 2: The head 'qa' answers questions from a context. Give both, "))
    #expect(answers.lines.count == 1)
    let heads = try ConfigurationFields(JSONValue(Data(answers.lines[0].utf8), file: ""), file: "").object("heads")
    #expect(try heads?.object("qa")?.members.keys.sorted() == ["answer", "end", "score", "start"])
    let table = try run("predict", "--setup", "qa", "--input", "questions.jsonl", "--table", in: folder)
    #expect(table.lines.first == "who? | it was me" && table.lines.count == 2)
  }

  @Test func `What cannot be activated leaves what is active`() throws {
    let folder = try copy()
    let before = try run("list", "--json", in: folder)
    for (setup, reason) in [
      ("truecse", "There is no adapter 'truecse' of the base model 'deberta-v3-tiny-en' (did you mean 'truecase'?)."),
      ("Parallel(truecase", "The setup 'Parallel(truecase' cannot be read: expected ',' or ')' at character 18."),
      ("Parallel(Parallel(truecase))", "Parallel cannot stand directly inside Parallel."),
    ] {
      #expect(
        try run("activate", setup, in: folder)
          == CommandLineTool.Result(output: "", messages: "Error: \(reason)\n", exitCode: 1))
    }
    #expect(try run("list", "--json", in: folder) == before)
  }

  @Test func `A new registry is made by registering a base and importing adapters`() throws {
    let folder = try copy()
    try FileManager.default.removeItem(atPath: folder.path("registry.sqlite"))
    let registry = folder.path("new/registry.sqlite")
    #expect(
      try run("models", "register", "Models/deberta-v3-tiny-en", "--as", "tiny", "--registry", registry, in: folder)
        .output
        == "Registered tiny, the default base model: Models/deberta-v3-tiny-en\n")
    #expect(
      try run("import", "Adapters/truecase", "--as", "case", "--registry", registry, in: folder).output
        == "Registered case (double_seq_bn) for tiny: new/Adapters/case\n")
    let again = try run("import", "Adapters/truecase", "--as", "case", "--registry", registry, in: folder)
    #expect(again.messages == "Error: There is an adapter 'case' of the base model 'tiny' already.\n")
    #expect(again.exitCode == 1)
    #expect(try run("activate", "case", "--registry", registry, in: folder).exitCode == 0)
    #expect(
      try run("predict", "a", "--registry", registry, in: folder).output.replacing("\"case\"", with: "\"truecase\"")
        == run(
          "predict", "a", "--model", "Models/deberta-v3-tiny-en", "--adapter", "truecase=Adapters/truecase", in: folder
        ).output)
    #expect(try run("models", "--registry", registry, "--table", in: folder).lines.count == 2)
    #expect(
      try run("models", "default", "tinny", "--registry", registry, in: folder).messages.contains(
        "did you mean 'tiny'?"))
  }

  @Test func `An adapter of another base is refused, and nothing is changed`() throws {
    let folder = try copy()
    let other = Fixtures.parityCase("method-lora") + "/adapters/a"
    let before = try run("list", "--json", in: folder)
    let result = try run("import", other, in: folder)
    #expect(result.exitCode == 1)
    #expect(result.messages.contains("'hidden_size' is"))
    #expect(try run("list", "--json", in: folder) == before)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("Adapters")).count == 4)
  }

  @Test func `An exported adapter answers as the registered one`() throws {
    let folder = try copy()
    #expect(try run("export", "truecase", "out", in: folder).output == "Wrote truecase to out.\n")
    let exported = try run(
      "predict", "a b", "--model", "Models/deberta-v3-tiny-en", "--adapter", "truecase=out", in: folder)
    #expect(exported == (try run("predict", "a b", "--setup", "truecase", in: folder)))
    #expect(
      try run("export", "truecase", "out", in: folder).messages
        == "Error: out is there already; name a folder that is new or empty.\n")
  }
}
