import AdapterHost
import Foundation
import TestSupport
import Testing

/// `combine`, `eject` and `save`, under the names of the registry and with folders.
@Suite struct MemberCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  private var base: String { place.path("Models/deberta-v3-tiny-en") }

  private func states(_ folder: String, _ adapter: String? = nil) throws -> [Float] {
    var model = try DebertaV2AdapterModel(folder: folder, compute: TinyModel.compute)
    if let adapter { try model.loadAdapter(adapter, setActive: true) }
    return try model([[1, 309, 57, 1200, 2], [1, 44, 2]], heads: []).values
  }

  @Test func `Registered adapters are combined into a folder`() throws {
    let outcome = try place.run(
      "combine", "--adapter", "a=debian-facets", "--adapter", "b=debian-facets", "--weights=3,-2", "--name", "mean",
      "--output", "new/mean")
    #expect(outcome.lines == ["Wrote mean, made of a, b, to new/mean."], "\(outcome)")
    let own = try states(base, place.path("Adapters/debian-facets"))
    expectFarOff(try states(base), own)
    expectClose(try states(base, place.path("new/mean")), own, .model)
    #expect(try place.run("import", "new/mean").exitCode == 0)
    #expect(try place.adapters().contains("mean"))
    let before = try place.contents()
    let refused = try place.run(
      "combine", "--adapter", "a=debian-facets", "--adapter", "b=debian-section", "--name", "n", "--output", "n")
    #expect(refused.exitCode == 1 && refused.messages.contains("differ in"), "\(refused)")
    #expect(
      try place.run(
        "combine", "--adapter", "a=debian-facets", "--head", "h=debian-facets", "--name", "n", "--output", "n"
      )
      .exitCode == 64)
    #expect(try place.contents() == before)
  }

  @Test func `A prefix is written in its flat form under another name`() throws {
    var model = try DebertaV2AdapterModel(folder: base, compute: TinyModel.compute)
    try model.addAdapter("p", configuration: "prefix_tuning[prefix_length=4, bottleneck_size=6]", seed: 3)
    try model.saveAdapter("p", to: place.path("p"))
    let outcome = try place.run("eject", "--adapter", "p=p", "--name", "flat", "--output", "flat", "--json")
    #expect(try outcome.object.string("name") == "flat", "\(outcome)")
    #expect(try SavedAdapter.read(place.path("flat"), for: model.configuration).name == "flat")
    expectClose(try states(base, place.path("flat")), try states(base, place.path("p")), .model)
    let again = try place.run("eject", "--adapter", "flat=flat", "--name", "f", "--output", "f")
    #expect(again == .failed("The adapter's prefix is flat already."))
    #expect(!FileManager.default.fileExists(atPath: place.path("f")))
  }

  @Test func `A model is saved with what its setup names, and answers alike`() throws {
    let text = "A library for reading PDF files."
    let setup = "Parallel(debian-section, wordnet-domain)"
    let outcome = try place.run("save", "whole", "--setup", setup, "--max-shard-size", "5MB")
    #expect(outcome.exitCode == 0 && outcome.lines[0].contains("2 adapters"), "\(outcome)")
    let files = try FileManager.default.contentsOfDirectory(atPath: place.path("whole"))
    #expect(files.contains("model.safetensors.index.json") && files.contains("spm.model"))
    let expected = try place.run("predict", "--json", "--setup", setup, text)
    let ours = try place.run("predict", "--json", "--model", "whole", "--setup", setup, text)
    #expect(expected.exitCode == 0 && ours == expected, "\(ours)")

    #expect(try place.run("save", "merged", "--setup", setup, "--merge", "debian-facets").exitCode == 0)
    #expect(try states(place.path("merged")) != states(base))
    #expect(try place.run("save", "whole", "--setup", setup).messages.contains("is there already"))
    #expect(try place.run("save", "x", "--max-shard-size", "5 apples").exitCode == 64)
  }
}
