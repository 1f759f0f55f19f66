import AdapterHost
import Foundation
import TestSupport
import Testing

/// A trained fusion is used by every command, like an adapter.
@Suite struct FusionCommandTests {
  let place: Workplace
  private let setup = "Fuse(debian-section, wordnet-domain)"

  init() throws {
    place = try Workplace()
    let lines = (0..<12).flatMap { ["a library for reading file \($0),libs", "small rodent number \($0),animals"] }
    try (["text,label"] + lines).joined(separator: "\n").write(
      toFile: place.path("d.csv"), atomically: true, encoding: .utf8)
  }

  private func train(_ arguments: String...) throws -> Workplace.Outcome {
    try place.run(
      ["train", "--train", "d.csv", "--head", "classification", "--steps", "2", "--output", "run"] + arguments)
  }

  private func object(_ arguments: String...) throws -> ConfigurationFields {
    try ConfigurationFields(JSONValue(Data(try place.run(arguments).output.utf8), file: "output"), file: "output")
  }

  @Test func `What train makes of a Fuse is registered with its head, and every other command uses it`() throws {
    #expect(try place.run("predict", "--setup", setup, "x").exitCode == 1)
    let trained = try train("--adapter", "fz", "--setup", setup)
    #expect(trained.exitCode == 0, "\(trained.messages)")
    let listed = try object("list", "--method", "fusion")
    #expect(try listed.string("name") == "fz" && listed.string("head") == "classification")
    #expect(try listed.strings("joins") == ["debian-section", "wordnet-domain"])
    let card = try object("show", "fz")
    #expect(try card.object("head")?.strings("labels") == ["animals", "libs"])

    let answer = try place.run("predict", "--setup", setup, "a library")
    #expect(answer.output.contains(#""heads": {"fz": {"label": ""#), "\(answer)")
    #expect(try place.run("predict", "--setup", setup, "--active-heads", "fz", "a library") == answer)
    let folder = place.path("Adapters/fz")
    #expect(
      try place.run(
        "predict", "--model", "Models/deberta-v3-tiny-en", "--adapter", "debian-section=Adapters/debian-section",
        "--adapter", "wordnet-domain=Adapters/wordnet-domain", "--fusion", "debian-section,wordnet-domain=\(folder)",
        "--head", "fz=\(folder)", "--setup", setup, "--active-heads", "fz", "a library") == answer)
    let evaluated = try place.run("evaluate", "--setup", setup, "--data", "d.csv")
    #expect(evaluated.exitCode == 0 && evaluated.output.contains(#""head": "fz""#), "\(evaluated)")
    #expect(try place.run("activate", setup).output == "\(setup) is active for deberta-v3-tiny-en.\n")
    #expect(try place.run("predict", "a library") == answer)
    let row = try place.run(["predict"], input: #"{"text": "a library", "adapter": "\#(setup)"}"#)
    #expect(row.output == answer.output, "\(row)")
    #expect(try object("list", "--method", "fusion").bool("active") == true)
    #expect(
      try place.run(
        "predict", "--fusion", "debian-section,wordnet-domain=fz", "--head", "mine=fz", "--setup", setup,
        "--active-heads", "mine", "a library"
      ).output == answer.output.replacing("\"fz\"", with: "\"mine\""))
    #expect(try place.run("rename", "fz", "f2").output == "fz is called f2 now.\n")
    #expect(try place.run("predict", "a library").output == answer.output.replacing("\"fz\"", with: "\"f2\""))
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `A fusion that is trained without a name is called like its adapters`() throws {
    let trained = try train("--setup", setup)
    #expect(
      trained.exitCode == 0 && trained.output.hasSuffix("Registered debian-section+wordnet-domain.\n"), "\(trained)")
    #expect(
      try place.run("predict", "--setup", setup, "a").output.contains(#""heads": {"debian-section+wordnet-domain": {"#))
  }

  @Test func `A fusion that a setup uses stays, and one that nothing uses goes with its folder`() throws {
    #expect(try train("--adapter", "fz", "--setup", setup).exitCode == 0)
    #expect(try place.run("activate", setup).exitCode == 0)
    #expect(
      try place.run("remove", "fz", "--yes")
        == .failed("The fusion 'fz' of the base model 'deberta-v3-tiny-en' is used by the active setup."))
    #expect(
      try place.run("remove", "debian-section", "--yes").messages.contains(
        "is used by the active setup and the fusion 'fz'"))
    #expect(try place.run("activate", "truecase").exitCode == 0)
    #expect(try place.run("remove", "fz", "--yes").output == "Removed fz of deberta-v3-tiny-en.\n")
    #expect(!FileManager.default.fileExists(atPath: place.path("Adapters/fz")))
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `An exported fusion is imported again, under other names of its adapters`() throws {
    #expect(try train("--adapter", "fz", "--setup", setup).exitCode == 0)
    let answer = try place.run("predict", "--setup", setup, "a library")
    #expect(try place.run("export", "fz", "out").output == "Wrote fz to out.\n")
    let files = try FileManager.default.contentsOfDirectory(atPath: place.path("out"))
    #expect(files.contains("pytorch_model_adapter_fusion.bin") && files.contains("pytorch_model_head.bin"))
    #expect(try place.run("import", "out").messages.contains("'fz' joins the same adapters"))
    #expect(try place.run("remove", "fz", "--yes").exitCode == 0)
    #expect(try place.run("rename", "debian-section", "section").exitCode == 0)
    #expect(try place.run("import", "out").messages.contains("no adapter 'debian-section'"))
    #expect(try place.run("import", "out", "--joins", "section").messages.contains("joins 2 adapters"))
    #expect(
      try place.run("import", "out", "--joins", "section,wordnet-domain")
        == .printed(
          "Registered section+wordnet-domain (fusion) for deberta-v3-tiny-en: Adapters/section+wordnet-domain\n"))
    let again = try place.run("predict", "--setup", "Fuse(section, wordnet-domain)", "a library")
    #expect(again.output == answer.output.replacing("\"fz\"", with: "\"section+wordnet-domain\""))
  }

  @Test func `An adapter is trained on top of a fusion that is registered`() throws {
    #expect(try train("--adapter", "fz", "--setup", setup).exitCode == 0)
    let files = try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters")).sorted()
    let refused = try place.run(
      "train", "--train", "d.csv", "--head", "classification", "--steps", "2", "--output", "r2", "--setup",
      "Stack(\(setup), c)")
    #expect(refused.messages.contains("There is a fusion 'fz'"), "\(refused)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters")).sorted() == files)
    let trained = try place.run(
      "train", "--train", "d.csv", "--head", "classification", "--steps", "2", "--output", "r2", "--setup",
      "Stack(\(setup), c)", "--overwrite")
    #expect(trained.exitCode == 0, "\(trained)")
    #expect(try place.adapters().contains("c"))
    #expect(
      try place.run("predict", "--setup", "Stack(\(setup), c)", "a library").output.contains(#""heads": {"c": {"#))
  }

  @Test func `A fusion of an adapter that is not there is not trained`() throws {
    let outcome = try train("--adapter", "fz", "--setup", "Fuse(debian-section, nobody)")
    #expect(outcome.exitCode == 1 && outcome.messages.contains("There is no adapter 'nobody'"), "\(outcome)")
  }
}
