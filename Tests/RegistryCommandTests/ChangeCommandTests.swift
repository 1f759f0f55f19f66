import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct ChangeCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `A fresh adapter with a head is registered, and answers`() throws {
    let added = try place.run(
      "add", "spam", "--config", "seq_bn[reduction_factor=8]", "--head", "classification", "--labels", "ham,spam",
      "--tag", "new")
    #expect(
      added == .printed("Added spam (seq_bn, 66,688 parameters) for deberta-v3-tiny-en: Adapters/spam\n"))
    let shown = try JSONValue(Data(try place.run("show", "spam").output.utf8), file: "show")
    let card = try ConfigurationFields(shown, file: "show")
    #expect(try card.object("head")?.strings("labels") == ["ham", "spam"])
    #expect(try card.object("config")?.object("config")?.integer("reduction_factor", in: 0...100) == 8)
    #expect(try card.strings("tags") == ["new"])
    #expect(try card.string("base_digest") != nil)
    let answer = try place.run("predict", "--setup", "spam", "some text")
    #expect(answer.output.contains(#""heads": {"spam": {"label": ""#))
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `Equal seeds make equal adapters, other seeds others`() throws {
    for (name, seed) in [("a", "7"), ("b", "7"), ("c", "8")] {
      #expect(try place.run("add", name, "--config", "lora[r=2]", "--seed", seed).exitCode == 0)
    }
    func values(_ name: String) throws -> [[Float]] {
      try TensorFile(path: place.path("Adapters/\(name)/adapter.safetensors")).tensors.map { try $0.floats() }
    }
    #expect(try values("a") == values("b"))
    #expect(try values("a") != values("c"))
  }

  @Test func `A fresh masked language model is tied to the base model's words, and predicts them`() throws {
    #expect(
      try place.run("add", "words", "--config", "lora[r=2]", "--head", "masked_lm")
        .output.hasPrefix("Added words (lora, "))
    #expect(try place.run("add", "shallow", "--head", "masked_lm", "--layers", "1").exitCode == 0)
    func head(_ name: String) throws -> TensorFile {
      try TensorFile(path: place.path("Adapters/\(name)/model_head.safetensors"))
    }
    let base = try TensorFile(path: place.path("Models/deberta-v3-tiny-en/model.safetensors"))
    let words = try #require(base.tensors.first { $0.name.hasSuffix("embeddings.word_embeddings.weight") })
    for name in ["words", "shallow"] {
      let matrices = try head(name).tensors.filter { $0.shape.count == 2 }
      #expect(try matrices.contains { try $0.shape == words.shape && $0.floats() == words.floats() }, "\(name)")
      #expect(matrices.count == (name == "words" ? 2 : 1))
    }
    let listed = try JSONValue(Data(try place.run("show", "words").output.utf8), file: "show")
    #expect(try ConfigurationFields(listed, file: "show").object("head")?.string("kind") == "masked_lm")
    func answer(_ text: String) throws -> String { try place.run("predict", "--setup", "words", text).output }
    #expect(try answer("a [MASK] text").contains(#""heads": {"words": {"masks": [{"token": 2, "predictions": [{"#))
    #expect(try answer("a text").contains(#""heads": {"words": {"masks": []}}"#))
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test(arguments: [
    (["--config", "seq_bm"], 1, "the configuration 'seq_bm': 'name' is 'seq_bm'; expected one of "),
    (["--config", "seq_bn[rank=2]"], 1, "the configuration 'seq_bn[rank=2]': 'rank' is "),
    (["--labels", "a,b"], 64, "--labels, --num-labels and --layers are for a head; name its kind with --head."),
    (["--head", "tagging"], 64, "A head of kind tagging needs --labels or --num-labels."),
    (["--head", "tagging", "--labels", "a,a"], 1, "The label 'a' is given twice."),
    (
      ["--head", "masked_lm", "--num-labels", "3"], 1,
      "A head of kind masked_lm predicts the words of its base model; it gets no labels."
    ),
    (
      ["--head", "question_answering", "--num-labels", "3"], 1,
      "A head of kind question_answering has 2 labels; found 3."
    ),
    (["--head", "regression", "--labels", "a,b"], 1, "A head of kind regression has one output; found 2 labels."),
    (["--head", "nothing"], 64, "The value 'nothing' is invalid for '--head <kind>'."),
  ])
  func `A fresh adapter that cannot be changes nothing`(_ options: [String], _ code: Int32, _ message: String) throws {
    let before = try place.contents()
    let outcome = try place.run(["add", "fresh"] + options)
    #expect(outcome.exitCode == code)
    #expect(outcome.messages.hasPrefix("Error: \(message)"), "\(outcome.messages)")
    #expect(try place.contents() == before)
  }

  @Test func `A new name also counts in the active setup`() throws {
    #expect(
      try place.run("rename", "debian-section", "section") == .printed("debian-section is called section now.\n"))
    #expect(try place.adapters() == ["debian-facets", "section", "truecase", "wordnet-domain"])
    #expect(try place.run("predict", "a").output.contains(#""section": {"label""#))
    #expect(try place.run("verify").exitCode == 0)
    #expect(
      try place.run("rename", "section", "truecase")
        == .failed("There is an adapter 'truecase' of the base model 'deberta-v3-tiny-en' already."))
    #expect(
      try place.run("rename", "sectoin", "x")
        == .failed("There is no adapter 'sectoin' of the base model 'deberta-v3-tiny-en' (did you mean 'section'?)."))
  }

  @Test func `Tags are added, taken away and listed`() throws {
    #expect(
      try place.run("tag", "truecase", "new", "english")
        == .printed(#"{"name": "truecase", "tags": ["english", "new"]}"# + "\n"))
    #expect(try place.run("tag", "truecase", "--remove", "new", "--table") == .printed("truecase: english\n"))
    #expect(try place.run("tag", "truecase", "--table") == .printed("truecase: english\n"))
    #expect(try place.run("list", "--tag", "english").lines.count == 1)
    #expect(try place.run("tag", "truecase", "a b").messages.contains("cannot name a tag"))
    #expect(try place.run("tag", "truecase", "x", "--remove", "x").exitCode == 64)
  }

  @Test func `Nothing is removed where nobody can be asked, unless it is agreed to`() throws {
    #expect(try place.run("add", "old").exitCode == 0)
    let before = try place.contents()
    let refused = try place.run(["remove", "old"], input: "y\n")
    #expect(refused.exitCode == 64)
    #expect(refused.messages.hasPrefix("Error: Nobody can be asked here whether to remove old; give --yes.\n"))
    #expect(try place.contents() == before)
    #expect(try place.run("remove", "old", "--yes") == .printed("Removed old of deberta-v3-tiny-en.\n"))
    #expect(try place.adapters() == Workplace.shipped)
    #expect(!FileManager.default.fileExists(atPath: place.path("Adapters/old")))
  }

  @Test func `What a setup uses is not removed, nor what is not there`() throws {
    let before = try place.contents()
    #expect(
      try place.run("remove", "truecase", "--yes")
        == .failed("The adapter 'truecase' of the base model 'deberta-v3-tiny-en' is used by the active setup."))
    #expect(
      try place.run("remove", "truecas", "--yes")
        == .failed("There is no adapter 'truecas' of the base model 'deberta-v3-tiny-en' (did you mean 'truecase'?)."))
    #expect(try place.contents() == before)
  }

  @Test func `An adapter that tells its base is refused for another one, unless it is forced`() throws {
    #expect(try place.run("add", "mine", "--head", "classification", "--num-labels", "2").exitCode == 0)
    let folder = place.path("Adapters/mine")
    let file = folder + "/adapter_config.json"
    var members = try ConfigurationFields(path: file).members
    members["base_digest"] = .string(String(repeating: "ab", count: 32))
    try JSONValue.object(members).write(to: file)
    let copy = place.outside("copy")
    try FileManager.default.copyItem(atPath: folder, toPath: copy)
    try Registry.edit(path: place.path("registry.sqlite")) { registry in
      let model = try registry.model()
      let (name, description) = try AdapterDescription.readForImport(copy, for: model)
      #expect(throws: RegistryError.self) {
        try registry.importAdapter(folder: copy, as: name + "2", describedBy: description)
      }
      let forced = try registry.importAdapter(folder: copy, as: name + "2", describedBy: description, force: true)
      #expect(forced.isMade(for: model) == false)
    }
    #expect(try place.run("show", "mine2", "--table").output.contains("another base model, with digest abababababab"))
  }

  @Test func `A setup that nothing could load is not made active`() throws {
    let before = try place.contents()
    #expect(
      try place.run("activate", "Stack(Fuse(debian-section, truecase), truecase)").messages
        .hasPrefix("Error: No fusion of debian-section, truecase is given with --fusion or registered for "))
    #expect(try place.run("activate", "truecas").exitCode == 1)
    #expect(try place.contents() == before)
  }

  @Test func `The log tells every change, the newest first`() throws {
    #expect(try place.run("tag", "truecase", "a").exitCode == 0)
    #expect(try place.run("rename", "truecase", "case").exitCode == 0)
    let lines = try place.run("log", "--limit", "2").lines
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix(#"{"action": "renameAdapter", "date": "20"#))
    #expect(
      lines[0].hasSuffix(#""detail": "case", "model": "deberta-v3-tiny-en", "number": 8, "subject": "truecase"}"#))
    #expect(lines[1].contains(#""action": "tagAdapter""#))
    let table = try place.run("log", "--table").lines
    #expect(table[0].hasPrefix("NO.  DATE (UTC)        CHANGE"))
    #expect(table.allSatisfy { $0.count <= 80 })
    #expect(try place.run("log", "--limit", "0", "--json").output.hasPrefix("[\n  {"))
  }
}
