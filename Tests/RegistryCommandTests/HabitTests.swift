import AdapterHost
import Foundation
import TestSupport
import Testing

/// What users of command lines expect of every command.
@Suite struct HabitTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `The version is the newest one of the changelog`() throws {
    let changelog = try String(contentsOf: Fixtures.root.appending(path: "CHANGELOG.md"), encoding: .utf8)
    let heading = try #require(changelog.split(separator: "\n").first { $0.hasPrefix("## ") })
    let version = try #require(heading.firstMatch(of: /\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d/)).1
    #expect(try place.run("--version") == .printed("\(version)\n"))
  }

  @Test(arguments: [
    (["predcit", "hello"], "There is no command 'predcit'; did you mean 'predict'?"),
    (["help", "predcit"], "There is no command 'predcit'; did you mean 'predict'?"),
    (["models", "regster"], "There is no command 'models regster'; did you mean 'register'?"),
    (["zzzzzz"], "There is no command 'zzzzzz'; 'adapter-cli help' lists all commands."),
  ])
  func `A mistyped command gets the nearest one, if one is near`(_ arguments: [String], _ message: String) throws {
    let outcome = try place.run(arguments)
    #expect(outcome.exitCode == 64 && outcome.output == "")
    #expect(outcome.messages.hasPrefix("Error: \(message)\n"), "\(outcome.messages)")
  }

  @Test func `A name gets the nearest one, if one is near`() throws {
    #expect(try place.run("add", "copa", "--config", "lora[r=1]").exitCode == 0)
    #expect(
      try place.run("show", "nope") == .failed("There is no adapter 'nope' of the base model 'deberta-v3-tiny-en'."))
    #expect(try place.run("show", "truecas").messages.contains("did you mean 'truecase'?"))
    #expect(try place.run("show", "truecsae").messages.contains("did you mean 'truecase'?"))
  }

  @Test func `Every command that prints takes --json, and then prints JSON alone`() throws {
    for arguments in [
      ["environment"], ["list"], ["log"], ["verify"], ["summary"], ["models"], ["models", "show"], ["setups"],
      ["show", "truecase"], ["add", "j1", "--config", "lora[r=1]"], ["tag", "j1", "fine"], ["rename", "j1", "j2"],
      ["activate", "j2"], ["deactivate"], ["setups", "save", "s", "Stack(j2, truecase)"], ["setups", "activate", "s"],
      ["deactivate"], ["setups", "remove", "s"], ["export", "j2", "ex"], ["merge", "j2", "mg"],
      ["import", "ex", "--as", "j3"], ["remove", "j3", "--yes"],
      ["models", "register", "Models/deberta-v3-tiny-en", "--as", "again", "--registry", "new.sqlite"],
      ["models", "default", "again", "--registry", "new.sqlite"],
      ["models", "rename", "again", "more", "--registry", "new.sqlite"],
      ["models", "remove", "more", "--yes", "--registry", "new.sqlite"], ["repair"], ["inspect", "ex"],
      ["tokenize", "a"], ["predict", "--setup", "truecase", "a"], ["bench", "--shapes", "1x4", "--repeats", "1"],
    ] {
      let outcome = try place.run(arguments + ["--json"])
      #expect(outcome.exitCode == 0 && outcome.messages == "", "\(arguments): \(outcome)")
      #expect(throws: Never.self, "\(arguments): \(outcome)") {
        let value = try JSONValue(Data(outcome.output.utf8), file: "output")
        let isArray = if case .array = value { true } else { false }
        let isListing =
          ["list", "log", "verify", "summary", "models", "setups", "repair", "import", "remove"]
          .contains(arguments[0]) && (arguments.count == 1 || ["import", "remove"].contains(arguments[0]))
        #expect(isArray == isListing, "\(arguments)")
      }
    }
  }

  @Test func `A filter that nothing matches says so, and what there is`() throws {
    #expect(
      try place.run("list", "--method", "nonsense")
        == Workplace.Outcome(
          output: "",
          messages: "No adapter of deberta-v3-tiny-en has the method nonsense; there are double_seq_bn, lora, par_bn, "
            + "seq_bn.\n", exitCode: 0))
    #expect(try place.run("list", "--method", "lora", "--head", "tagging").messages.hasPrefix("None of the 4 adapters"))
    #expect(try place.run("list", "--tag", "x").messages.hasSuffix("has the tag x; none has one.\n"))
    #expect(try place.run("list", "--method", "lora").messages == "")
  }

  @Test func `An empty registry says what to do first`() throws {
    #expect(
      try place.run("models", "register", "Models/deberta-v3-tiny-en", "--registry", "new.sqlite").exitCode == 0)
    let outcome = try place.run("list", "--registry", "new.sqlite")
    #expect(outcome.output == "" && outcome.messages.contains("'adapter-cli help import'"), "\(outcome)")
  }

  @Test(arguments: [
    ("ia3", "ia3"), ("compacter", "compacter"), ("compacter++", "compacter++"), ("lora[r=2]", "lora"),
    ("seq_bn[reduction_factor=2]", "seq_bn"), ("mam", "mam"), ("loreft", "loreft"), ("dora", "dora"), ("vera", "vera"),
  ])
  func `A method is listed by the name that people give it`(_ configuration: String, _ method: String) throws {
    #expect(try place.run("add", "m", "--config", configuration).output.hasPrefix("Added m (\(method), "))
    let listed = try place.run("list", "--method", method).lines
    #expect(listed.filter { $0.contains(#""name": "m""#) }.count == 1)
    #expect(listed.allSatisfy { $0.contains(#""method": "\#(method)""#) })
    #expect(try place.run("show", "m").output.contains(#""method": "\#(method)""#))
    #expect(try place.run("summary").output.contains(#""method": "\#(method)", "name": "m""#))
  }

  @Test func `A regression head is made, listed, and gives a value`() throws {
    #expect(try place.run("add", "stars", "--config", "lora[r=1]", "--head", "regression").exitCode == 0)
    #expect(try place.run("list", "--head", "regression").output.contains(#""name": "stars""#))
    #expect(try place.run("predict", "--setup", "stars", "text").output.contains(#""heads": {"stars": {"value": "#))
  }

  @Test func `The values of a configuration keep their types in JSON`() throws {
    let parts = try place.run("inspect", "Adapters/debian-facets").object.members["parts"]
    guard case .array(let parts)? = parts, let part = parts.first else {
      Issue.record("no parts")
      return
    }
    let facts = try ConfigurationFields(part, file: "").object("facts")
    #expect(facts?.members["config.r"] == .integer(8))
    #expect(facts?.members["config.use_gating"] == .bool(false))
    #expect(try facts?.integer("parameters", in: 1...1_000_000) == 32_768)
  }

  @Test func `What fails leaves nothing behind`() throws {
    let before = try place.contents()
    for arguments in [
      ["export", "truecase", "out", "--format", "zip"], ["export", "nobody", "out"], ["merge", "truecase", "out"],
      ["import", "Models"], ["import", "Adapters/truecase", "--as", "a/b"], ["add", "x", "--config", "nope"],
      ["setups", "save", "a/b", "truecase"], ["models", "rename", "nobody", "x"], ["activate", "nobody"],
      ["rename", "truecase", "debian-section"], ["remove", "nobody", "--yes"],
    ] {
      #expect(try place.run(arguments).exitCode != 0, "\(arguments)")
      #expect(try place.contents() == before, "\(arguments)")
    }
  }
}
