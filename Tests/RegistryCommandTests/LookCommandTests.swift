import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct LookCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  // MARK: list

  @Test(arguments: [
    (["--method", "lora"], ["debian-facets"]),
    (["--method", "lora", "--method", "seq_bn"], ["debian-facets", "debian-section"]),
    (["--head", "classification"], ["debian-section", "wordnet-domain"]),
    (["--head", "none"], []),
    (["--tag", "x"], []),
    (["--active", "--head", "tagging"], ["truecase"]),
    (["--sort", "parameters"], ["debian-facets", "debian-section", "truecase", "wordnet-domain"]),
    (["--sort", "size"], ["truecase", "debian-facets", "debian-section", "wordnet-domain"]),
    (["--sort", "method", "--reverse"], ["debian-section", "wordnet-domain", "debian-facets", "truecase"]),
  ])
  func `The list is filtered and sorted`(_ options: [String], _ names: [String]) throws {
    let lines = try place.run(["list"] + options).lines
    #expect(lines.count == names.count)
    for (line, name) in zip(lines, names) { #expect(line.contains(#""name": "\#(name)""#)) }
  }

  @Test func `The table of adapters fits 80 columns, and nothing is coloured in a pipe`() throws {
    let outcome = try place.run("list", "--table")
    #expect(outcome.lines[0] == "Base model    deberta-v3-tiny-en")
    #expect(outcome.lines[3].hasPrefix("NAME            METHOD         HEAD"))
    #expect(outcome.lines.allSatisfy { $0.count <= 80 && !$0.contains("\u{1B}") })
    #expect(try place.run("list", "--json").output.contains(#""added": "20"#))
  }

  @Test func `A list without rows says why`() throws {
    let unmatched = try place.run("list", "--tag", "x", "--table")
    #expect(unmatched.messages == "No adapter of deberta-v3-tiny-en has the tag x; none has one.\n")
    let empty = place.outside("empty.sqlite")
    try Registry.create(path: empty).close()
    #expect(
      try place.run("models", "--table", "--registry", empty)
        == Workplace.Outcome(
          output: "", messages: "No base model is registered: 'adapter-cli help models register' shows how.\n",
          exitCode: 0))
    #expect(try place.run("models", "register", "Models/deberta-v3-tiny-en", "--registry", empty).exitCode == 0)
    let first = try place.run("list", "--table", "--registry", empty)
    #expect(first.messages.hasPrefix("No adapter is registered for deberta-v3-tiny-en: 'adapter-cli help import', "))
    #expect(first.lines.allSatisfy { $0.count <= 80 })
  }

  // MARK: show

  @Test func `Everything that is registered about an adapter is shown`() throws {
    let card = try place.run("show", "debian-section").object
    #expect(
      card.members.keys.sorted() == [
        "active", "added", "base_digest", "bytes", "changed", "config", "digest", "files", "folder", "head", "method",
        "metrics", "model", "name", "notes", "origin", "parameters", "recipe", "source", "tags",
      ])
    #expect(try card.object("head")?.strings("labels")?.count == 16)
    let lines = try place.run("show", "debian-section", "--table").lines
    #expect(lines[0] == "Name        debian-section")
    #expect(lines.contains("Made for    this base model (by digest)"))
    #expect(lines.contains("Source      trained on debian-section.train.jsonl, 700 steps, seed 1"))
    #expect(lines.contains { $0.hasPrefix("adapter.safetensors     138 kB  bc431b30da75") })
  }

  @Test func `A name that is not there suggests the nearest`() throws {
    let message =
      "There is no adapter 'debian-sectoin' of the base model 'deberta-v3-tiny-en' (did you mean 'debian-section'?)."
    #expect(try place.run("show", "debian-sectoin") == .failed(message))
    #expect(try place.run("tag", "debian-sectoin", "x") == .failed(message))
    #expect(
      try place.run("show", "truecase", "--model", "deberta-v3-tiny").messages
        .hasSuffix("did you mean 'deberta-v3-tiny-en'?\n"))
    #expect(try place.run("merge", "debian-facet", "out").messages.contains("did you mean 'debian-facets'"))
  }

  // MARK: summary

  @Test func `The summary is the reference's table`() throws {
    #expect(
      try place.run("summary", "--table").output == """
        ================================================================================
        Name                     Architecture         #Param      %Param  Active   Train
        --------------------------------------------------------------------------------
        debian-facets            lora                 32,768       0.611       1       1
        debian-section           seq_bn               33,856       0.631       1       1
        truecase                 double_seq_bn        67,712       1.262       1       1
        wordnet-domain           par_bn              263,680       4.915       1       1
        --------------------------------------------------------------------------------
        Full model                                 5,364,736     100.000               1
        ================================================================================
        The checkpoint has 5,439,140 parameters, 5,364,736 of them in the encoder.

        """)
    let rows = try place.run("summary", "--setup", "truecase").lines
    #expect(rows[0].contains(##""#param": 32768, "%param": 0.61"##))
    #expect(rows.map { $0.contains(#""active": true"#) } == [false, false, true, false, false])
    #expect(rows[4].contains(#""method": null, "name": "Full model", "train": true"#))
  }

  @Test func `The summary and the list of base models count alike, and say what they count`() throws {
    let full = try ConfigurationFields(
      JSONValue(Data(try #require(place.run("summary").lines.last).utf8), file: ""), file: "")
    let model = try ConfigurationFields(JSONValue(Data(try place.run("models").output.utf8), file: ""), file: "")
    let counts = 1...100_000_000
    #expect(try full.integer("#param", in: counts) == model.integer("encoder_parameters", in: counts))
    #expect(try full.integer("checkpoint_parameters", in: counts) == model.integer("parameters", in: counts))
    #expect(try full.integer("#param", in: counts) != model.integer("parameters", in: counts))
  }

  @Test func `On a narrow terminal the summary keeps its lines whole`() throws {
    let text = try place.runOnTerminal("summary", columns: 40, environment: ["NO_COLOR": "1"])
    #expect(text.contains("Full model"))
    for line in text.split(separator: "\n") { #expect(line.count <= 40, "\(line)") }
  }

  @Test func `The summary of a checkpoint alone counts what is given`() throws {
    let folder = Fixtures.parityCase("method-lora") + "/adapters/a"
    let base = try ConfigurationFields(path: Fixtures.parityCase("method-lora") + "/case.json").string("base") ?? "v3"
    let lines = try place.run("summary", "--model", Fixtures.base(base), "--adapter", "a=\(folder)").lines
    #expect(lines.count == 2)
    #expect(lines[0].contains(#""active": true, "method": "lora", "name": "a""#))
  }

  // MARK: shells and environment

  @Test(arguments: [("bash", "#!/bin/bash"), ("zsh", "#compdef adapter-cli"), ("fish", "function __adapter-cli")])
  func `A completion script is written for each shell`(_ shell: String, _ start: String) throws {
    let outcome = try place.run("completions", shell)
    #expect(outcome.exitCode == 0 && outcome.output.hasPrefix(start) && outcome.output.contains("deactivate"))
    #expect(try place.run("completions", "tcsh").exitCode == 64)
  }

  @Test func `The environment tells which registry counts`() throws {
    let other = ["ADAPTER_HOST_REGISTRY": "/else/registry.sqlite"]
    let here = try place.run(["environment"], environment: other).object
    #expect(try here.string("registry")?.hasSuffix("/home/registry.sqlite") == true)
    try FileManager.default.removeItem(atPath: place.path("registry.sqlite"))
    let named = try place.run(["environment"], environment: other).object
    #expect(try named.string("registry") == "/else/registry.sqlite")
    #expect(try place.run("environment", "--registry", "given").object.string("registry") == "given")
  }
}
