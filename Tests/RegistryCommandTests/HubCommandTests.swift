import AdapterHost
import Foundation
import TestSupport
import Testing

/// Commands with addresses in place of folders. What is downloaded lies in a cache, as huggingface_hub leaves it.
@Suite struct HubCommandTests {
  let place: Workplace
  private let old = String(repeating: "a", count: 40)
  private let new = String(repeating: "b", count: 40)
  private let home: String

  init() throws {
    place = try Workplace()
    home = place.outside("hf")
    try keep("Adapters/truecase", as: "org/cased", at: old)
  }

  /// Makes a folder the commit of a repository, which its branch is at then.
  private func keep(_ folder: String, as repository: String, at commit: String) throws {
    let cache = "\(home)/hub/models--\(repository.replacing("/", with: "--"))"
    for part in ["blobs", "refs", "snapshots/\(commit)"] {
      try FileManager.default.createDirectory(atPath: "\(cache)/\(part)", withIntermediateDirectories: true)
    }
    try commit.write(toFile: "\(cache)/refs/main", atomically: false, encoding: .utf8)
    for name in try FileManager.default.contentsOfDirectory(atPath: place.path(folder)) {
      let blob = "\(commit.prefix(1))-\(name)"
      try FileManager.default.copyItem(atPath: "\(place.path(folder))/\(name)", toPath: "\(cache)/blobs/\(blob)")
      try FileManager.default.createSymbolicLink(
        atPath: "\(cache)/snapshots/\(commit)/\(name)", withDestinationPath: "../../blobs/\(blob)")
    }
  }

  private func run(_ arguments: String...) throws -> Workplace.Outcome {
    try place.run(arguments, environment: ["HF_HOME": home, "HF_HUB_OFFLINE": "1", "HF_TOKEN": "hf_secret"])
  }

  @Test func `An address may stand for the folder of an adapter and of a model`() throws {
    let expected = try place.run("predict", "--adapter", "a=Adapters/truecase", "linux from germany")
    #expect(expected.exitCode == 0)
    #expect(try run("predict", "--adapter", "a=hf:org/cased", "linux from germany") == expected)
    #expect(try run("predict", "--adapter", "a=hf:org/cased@\(old)", "linux from germany") == expected)
    try keep("Models/deberta-v3-tiny-en", as: "org/base", at: old)
    let whole = try run("predict", "--model", "hf:org/base", "--adapter", "a=hf:org/cased", "linux from germany")
    #expect(whole.output == expected.output)
    #expect(try run("inspect", "hf:org/cased").exitCode == 0)
    #expect(try run("models", "register", "hf:org/base").output.hasPrefix("Registered base: "))
  }

  @Test func `An import keeps the address and the commit, and an update keeps the version before`() throws {
    #expect(try run("import", "hf:org/cased", "--as", "cased").exitCode == 0)
    let shown = try run("show", "cased", "--json").object.members
    #expect(shown["origin"] == .object(["address": .string("hf:org/cased"), "revision": .string(old)]))
    #expect(try run("show", "truecase", "--json").object.members["origin"] == .null)
    #expect(try run("update", "cased").output.contains("is up to date"))
    #expect(try run("setups", "save", "mine", "Stack(cased)").exitCode == 0)
    #expect(try run("tag", "cased", "kept").exitCode == 0)

    try keep("Adapters/debian-section", as: "org/cased", at: new)
    let update = try run("update", "cased", "--json").object.members
    #expect(update["revision"] == .string(new) && update["kept"] == .string("cased-aaaaaaa"))
    let newer = try run("show", "cased", "--json").object.members
    #expect(newer["method"] == .string("seq_bn") && newer["tags"] == .array([.string("kept")]))
    let kept = try run("show", "cased-aaaaaaa", "--json").object.members
    #expect(kept["digest"] == shown["digest"] && kept["origin"] == shown["origin"])
    #expect(try run("predict", "--setup", "mine", "a library").output.contains(#""cased""#))
    #expect(try run("update", "cased").output.contains("is up to date"))
    #expect(try run("verify").exitCode == 0)
    #expect(try run("predict", "--setup", "cased-aaaaaaa", "linux").output.contains("spans"))
    #expect(try run("remove", "cased-aaaaaaa", "--yes").exitCode == 0)
    #expect(try run("verify").exitCode == 0)
  }

  @Test func `An update that cannot be leaves everything as it was`() throws {
    #expect(try run("import", "hf:org/cased", "--as", "cased").exitCode == 0)
    try keep("Adapters/debian-section", as: "org/cased", at: new)
    let weights = "\(home)/hub/models--org--cased/blobs/b-adapter.safetensors"
    try Data("broken".utf8).write(to: URL(filePath: weights))
    let before = try place.contents().filter { $0.key != "registry.sqlite" }
    let list = try run("list", "--json")
    #expect(try run("update", "cased").exitCode == 1)
    #expect(try place.contents().filter { $0.key != "registry.sqlite" } == before)
    #expect(try run("list", "--json") == list)
    #expect(try run("update", "truecase").messages.contains("was not imported from an address"))
  }

  @Test(arguments: [
    (["inspect", "hf:org/../x"], "is not an address of the Hugging Face Hub"),
    (["inspect", "hf:org/absent"], "HF_HUB_OFFLINE is set, and nothing of this revision is in the cache"),
    (["import", "hf:org/cased@\(String(repeating: "c", count: 40))"], "HF_HUB_OFFLINE is set"),
    (["inspect", "http://localhost:1/a.zip"], "HF_HUB_OFFLINE is set"),
    (["push", "truecase", "hf:org/new"], "HF_HUB_OFFLINE is set"),
    (["push", "truecase", "org/new"], "is not an address of the Hugging Face Hub"),
    (["push", "absent", "hf:org/new"], "absent"),
  ])
  func `What cannot be fetched or uploaded is refused with a reason`(_ arguments: [String], _ message: String) throws {
    let outcome = try place.run(
      arguments, environment: ["HF_HOME": home, "HF_HUB_OFFLINE": "1", "HF_TOKEN": "hf_secret"])
    #expect(outcome.exitCode == 1 && outcome.output == "")
    #expect(outcome.messages.contains(message), "\(outcome.messages)")
    #expect(!outcome.messages.contains("hf_secret"))
  }

  @Test func `A text that looks like an address is a text`() throws {
    #expect(try run("predict", "--setup", "debian-section", "hf:org/absent").exitCode == 0)
  }

  @Test func `Without a token nothing is uploaded`() throws {
    let outcome = try place.run(
      ["push", "truecase", "hf:org/new"],
      environment: ["HF_HOME": home, "HF_TOKEN": "", "HF_ENDPOINT": "http://localhost:1"])
    #expect(outcome.exitCode == 1 && outcome.messages.contains("set HF_TOKEN to a token with write permission"))
  }
}
