import AdapterHost
import Foundation
import TestSupport
import Testing

/// `--labels` names the outputs of a head that has no names.
@Suite struct LabelCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// An exported adapter whose head has two outputs, `LABEL_0` and `LABEL_1`.
  private func nameless() throws {
    #expect(
      try place.run("add", "plain", "--config", "lora", "--head", "classification", "--labels", "LABEL_0,LABEL_1")
        .exitCode == 0)
    #expect(try place.run("export", "plain", "saved/plain").exitCode == 0)
  }

  @Test func `An imported head without names gets them`() throws {
    try nameless()
    #expect(try place.run("import", "saved/plain", "--as", "named", "--labels", "no,yes").exitCode == 0)
    let answer = try place.run("predict", "a word", "--setup", "named", "--scores", "--json").output
    #expect(answer.contains(#""no": "#) && answer.contains(#""yes": "#) && !answer.contains("LABEL_0"))
    // The folder that was imported is as it was.
    let saved = try place.run("predict", "a word", "--adapter", "x=saved/plain", "--scores", "--json").output
    #expect(saved.contains("LABEL_0"))
  }

  /// As in the cache of a hub, where files are links to blobs. What a recipe says is checked by nobody, so a link would
  /// bring any file along.
  @Test func `A folder of relative links is imported with labels and its recipe, but no recipe behind a link`() throws {
    try nameless()
    let files = FileManager.default
    let (saved, cache) = (place.path("saved/plain"), place.path("cache"))
    try Data(#"{"train": "d.csv", "epochs": 2}"#.utf8).write(to: URL(filePath: saved + "/recipe.json"))
    try files.createDirectory(atPath: cache, withIntermediateDirectories: false)
    for name in try files.contentsOfDirectory(atPath: saved) where name != "recipe.json" {
      try files.createSymbolicLink(atPath: "\(cache)/\(name)", withDestinationPath: "../saved/plain/\(name)")
    }
    try files.createSymbolicLink(atPath: "\(cache)/recipe.json", withDestinationPath: "../saved/plain/recipe.json")
    let linked = try place.run("import", "cache", "--as", "linked", "--labels", "no,yes")
    #expect(linked.exitCode == 0, "\(linked)")
    #expect(try files.contentsOfDirectory(atPath: place.path("Adapters/linked")).allSatisfy { $0 != "recipe.json" })
    try files.removeItem(atPath: "\(cache)/recipe.json")
    try files.copyItem(atPath: saved + "/recipe.json", toPath: "\(cache)/recipe.json")
    let whole = try place.run("import", "cache", "--as", "whole", "--labels", "no,yes")
    #expect(whole.exitCode == 0, "\(whole)")
    let folder = place.path("Adapters/whole")
    #expect(try Data(contentsOf: URL(filePath: folder + "/recipe.json")).count == 31)
    for name in try files.contentsOfDirectory(atPath: folder) {
      #expect((try? files.destinationOfSymbolicLink(atPath: "\(folder)/\(name)")) == nil, "\(name)")
    }
    let answer = try place.run("predict", "a word", "--setup", "whole", "--scores", "--json").output
    #expect(answer.contains(#""yes": "#) && !answer.contains("LABEL_0"))
  }

  @Test func `Labels of another number, or of a head with names, are refused`() throws {
    try nameless()
    let count = try place.run("predict", "a word", "--setup", "plain", "--labels", "a,b,c").messages
    #expect(count.contains("'plain' has 2"))
    let named = try place.run("import", "Adapters/truecase", "--as", "again", "--labels", "a,b,c").messages
    #expect(named.contains("has names already"))
    #expect(try place.run("predict", "a word", "--setup", "plain", "--labels", "a,b").output.contains("\"label\""))
  }
}
