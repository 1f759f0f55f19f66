import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct ModelCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `A base model is shown with all that belongs to it`() throws {
    #expect(try place.run("setups", "save", "both", "Parallel(truecase, debian-section)").exitCode == 0)
    let card = try place.run("models", "show", "deberta-v3-tiny-en", "--json").object
    #expect(try card.strings("adapters") == Workplace.shipped)
    #expect(try card.strings("setups") == ["both"])
    #expect(try card.string("active_setup")?.hasPrefix("Parallel(") == true)
    #expect(try card.object("config")?.integer("num_hidden_layers", in: 1...100) == 4)
    #expect(try place.run("models", "show").object.string("name") == "deberta-v3-tiny-en")
    let lines = try place.run("models", "show", "--table").lines
    #expect(lines[0].hasSuffix("deberta-v3-tiny-en") && lines.contains { $0.hasPrefix("Adapters") })
    #expect(try place.run("models", "show", "deberta").exitCode == 1)
  }

  @Test func `A renamed base model keeps its adapters and setups`() throws {
    let answer = try place.run("predict", "x")
    #expect(
      try place.run("models", "rename", "deberta-v3-tiny-en", "tiny")
        == .printed("deberta-v3-tiny-en is called tiny now.\n"))
    #expect(try place.run("predict", "x", "--model", "tiny") == answer)
    #expect(try place.adapters() == Workplace.shipped)
    #expect(try place.run("verify").exitCode == 0)
    #expect(try place.run("models", "rename", "tiny", "a/b").messages.contains("cannot name a model"))
  }

  @Test func `A base model with adapters is removed only with them, and its own folder stays`() throws {
    let before = try place.contents()
    let refused = try place.run("models", "remove", "deberta-v3-tiny-en", "--yes")
    #expect(
      refused
        == .failed(
          "The base model 'deberta-v3-tiny-en' has the adapters debian-facets, debian-section, truecase, wordnet-domain. "
            + "Remove them first, or with it by --with-adapters."))
    #expect(try place.run("models", "remove", "deberta-v3-tiny-en", "--with-adapters").exitCode == 64)
    #expect(try place.contents() == before)
    let removed = try place.run("models", "remove", "deberta-v3-tiny-en", "--with-adapters", "--yes")
    #expect(removed.exitCode == 0, "\(removed)")
    #expect(try place.run("models").output == "")
    #expect(FileManager.default.fileExists(atPath: place.path("Models/deberta-v3-tiny-en/model.safetensors")))
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters")) == [])
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `A base model that does not load leaves no new registry`() throws {
    let registry = place.path("new.sqlite")
    for arguments in [["nothing"], ["Models/deberta-v3-tiny-en", "--as", "a/b"]] {
      #expect(try place.run(["models", "register"] + arguments + ["--registry", registry]).exitCode == 1)
      #expect(!FileManager.default.fileExists(atPath: registry), "\(arguments)")
    }
    #expect(try place.run("models", "register", "Models/deberta-v3-tiny-en", "--registry", registry).exitCode == 0)
  }
}
