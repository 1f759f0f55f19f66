import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct SetupCommandTests {
  let place: Workplace
  private let both = "Parallel(debian-section, wordnet-domain)"

  init() throws { place = try Workplace() }

  @Test func `A saved setup stands for its composition`() throws {
    #expect(try place.run("predict", "--setup", "both", "x").exitCode == 1)
    #expect(try place.run("setups", "save", "both", both) == .printed("both is \(both) for deberta-v3-tiny-en.\n"))
    #expect(try place.run("predict", "--setup", "both", "x") == (try place.run("predict", "--setup", both, "x")))
    #expect(try place.run("activate", "both") == .printed("\(both) is active for deberta-v3-tiny-en.\n"))
    let listed = try place.run("setups", "--json").output
    #expect(listed.hasPrefix("[\n  {") && listed.contains(#""active": true"#) && listed.contains(#""name": "both""#))
    #expect(try place.run("activate", "truecase").exitCode == 0)
    #expect(try place.run("setups", "activate", "both").exitCode == 0)
    #expect(try place.run("setups", "remove", "both").exitCode == 0)
    #expect(try place.run("setups").output == "")
    #expect(try place.run("setups", "activate", "both").messages.hasPrefix("Error: There is no setup 'both'"))
  }

  @Test func `A setup gets no name that an adapter has, and nothing that is not registered`() throws {
    let before = try place.contents()
    #expect(try place.run("setups", "save", "truecase", both).messages.contains("There is an adapter 'truecase'"))
    #expect(try place.run("setups", "save", "s", "Stack(truecase, nobody)").messages.contains("no adapter 'nobody'"))
    #expect(
      try place.run("setups", "save", "s", "Fuse(truecase, debian-section)").messages.contains("No fusion of truecase"))
    #expect(try place.contents() == before)
  }

  /// As `save_adapter_setup` of the Python library writes it.
  private func savedSetup() throws -> String {
    let folder = place.outside("saved")
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, source) in [("x", "debian-section"), ("y", "wordnet-domain")] {
      #expect(try place.run("export", source, "\(folder)/\(name)").exitCode == 0)
    }
    try Data(
      #"""
      {"adapter_setup": {"type": "Average", "children": [{"type": "single", "children": ["x"]},
      {"type": "single", "children": ["y"]}], "kwargs": {"weights": [0.25, 0.75]}},
      "head_setup": ["x"], "version": "adapters.1.3.0"}
      """#.utf8
    ).write(to: URL(filePath: folder + "/adapter_setup.json"))
    return folder
  }

  @Test func `Importing a setup replaces no saved setup, and leaves nothing`() throws {
    let folder = try savedSetup()
    #expect(try place.run("setups", "save", "mean", both).exitCode == 0)
    let before = try place.contents()
    #expect(
      try place.run("import", folder, "--as", "mean")
        == .failed("There is a setup 'mean' of the base model 'deberta-v3-tiny-en' already."))
    #expect(try place.contents() == before)
    #expect(try place.run("import", folder, "--as", "other").exitCode == 0)
  }

  @Test func `A saved setup that cannot be read is reported, and the others are listed`() throws {
    #expect(try place.run("setups", "save", "one", both).exitCode == 0)
    #expect(try place.run("setups", "save", "two", "truecase").exitCode == 0)
    #expect(try place.run("setups").exitCode == 0)
    // The date of its creation follows the expression.
    let path = URL(filePath: place.path("registry.sqlite"))
    try Data(contentsOf: path).replacing(Data((both + "2").utf8), with: Data((both + "x").utf8)).write(to: path)
    let listed = try place.run("setups")
    #expect(
      listed.exitCode == 1 && listed.output.contains("\"two\"") && !listed.output.contains("\"one\""), "\(listed)")
    #expect(listed.messages.contains("'created'") && listed.messages.contains("'setup'"), "\(listed)")
  }

  @Test func `A folder of save_adapter_setup acts, and is imported whole or not at all`() throws {
    let folder = try savedSetup()
    let answer = try place.run(
      "predict", "--adapter", "x=\(folder)/x", "--adapter", "y=\(folder)/y", "--setup",
      "Average(x, y, weights=[0.25, 0.75])", "--active-heads", "x", "some text")
    #expect(answer.output.contains(#""heads": {"x": {"label""#), "\(answer)")
    #expect(try place.run("predict", "--setup-folder", folder, "some text") == answer)
    #expect(try place.run("predict", "--setup-folder", folder, "--setup", "x", "a").exitCode == 64)
    let imported = try place.run("import", folder, "--as", "mean")
    #expect(imported.exitCode == 0, "\(imported)")
    #expect(try place.adapters() == (Workplace.shipped + ["x", "y"]).sorted())
    #expect(try place.run("predict", "--setup", "mean", "--active-heads", "x", "some text") == answer)
    #expect(try place.run("setups", "remove", "mean").exitCode == 0)
    #expect(try place.run("remove", "x", "--yes").exitCode == 0)
    let before = try place.contents()
    #expect(try place.run("import", folder, "--as", "mean").messages.contains("There is an adapter 'y'"))
    #expect(try place.adapters() == (Workplace.shipped + ["y"]).sorted())
    #expect(Set(try place.contents().keys) == Set(before.keys))
  }
}
