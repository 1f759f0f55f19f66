import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct VerifyCommandTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  @Test func `What is as it was entered has no findings`() throws {
    let before = try place.contents()
    #expect(try place.run("verify") == .printed(""))
    #expect(try place.run("verify", "--json") == .printed("[]\n"))
    #expect(try place.run("verify", "--table") == .printed("Everything is as it was entered: 5 folders.\n"))
    #expect(try place.run("repair", "--table") == .printed("There is nothing to repair.\n"))
    #expect(try place.contents() == before)
  }

  @Test func `Changed, missing and stray files are found, told and put right`() throws {
    try Data("changed".utf8).write(to: URL(filePath: place.path("Adapters/truecase/head_config.json")))
    try FileManager.default.moveItem(
      atPath: place.path("Adapters/debian-facets"), toPath: place.path("Adapters/moved"))
    try FileManager.default.copyItem(
      atPath: place.path("Adapters/debian-section"), toPath: place.path("Adapters/copied"))
    try FileManager.default.createDirectory(atPath: place.path("Adapters/rubbish"), withIntermediateDirectories: false)
    try Data("?".utf8).write(to: URL(filePath: place.path("Adapters/rubbish/file")))

    let found = try place.run("verify")
    #expect(found.exitCode == 1)
    #expect(found.messages == "Error: 5 findings; 'adapter-cli repair' puts right what it can.\n")
    let kinds = found.lines.compactMap { $0.split(separator: "\"").dropFirst(3).first }
    #expect(kinds.sorted() == ["changed_file", "missing_folder", "stray_folder", "stray_folder", "stray_folder"])

    #expect(try place.run("deactivate").exitCode == 0)
    let repaired = try place.run("repair", "--table")
    #expect(repaired.exitCode == 0)
    #expect(repaired.output.contains("found again at '\(place.path)/Adapters/moved'"))
    #expect(repaired.output.contains("taken in as the adapter 'copied'"))
    #expect(repaired.output.contains("moved to '\(place.path)/Adapters/.quarantine/rubbish'"))
    #expect(repaired.output.contains("moved to '\(place.path)/Adapters/.quarantine/truecase'"))
    #expect(try place.adapters() == ["copied", "debian-facets", "debian-section", "wordnet-domain"])
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `Changed files are taken as they are, if they hold the adapter`() throws {
    let file = place.path("Adapters/truecase/adapter_config.json")
    var members = try ConfigurationFields(path: file).members
    members["note"] = .string("edited")
    try JSONValue.object(members).write(to: file)
    #expect(try place.run("repair", "--changed", "accept").output.contains(#""outcome": "renewed""#))
    #expect(try place.run("verify").exitCode == 0)
    try Data("{}".utf8).write(to: URL(filePath: file))
    let refused = try place.run("repair", "--changed", "accept")
    #expect(refused.exitCode == 1 && refused.output.contains(#""outcome": "left""#))
    #expect(refused.messages == "Error: 1 finding left.\n")
    #expect(try place.adapters() == Workplace.shipped)
  }
}
