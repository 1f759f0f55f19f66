import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct HostileTests {
  let place: Workplace

  init() throws { place = try Workplace() }

  /// Every way to give an adapter a name. An option needs a value that is not empty.
  private func commands(naming name: String) -> [[String]] {
    [["add", "--config", "lora[r=1]", "--", name], ["rename", "--", "truecase", name]]
      + (name.isEmpty ? [] : [["import", "Adapters/truecase", "--as=\(name)"]])
  }

  @Test(arguments: [
    ("../x", "'../x' cannot name an adapter: it contains '/'."),
    ("/tmp/x", "'/tmp/x' cannot name an adapter: it contains '/'."),
    ("..", "'..' cannot name an adapter: it begins with '.'."),
    ("", "'' cannot name an adapter: it is empty."),
    ("a b", "'a b' cannot name an adapter: it contains U+0020, which is no letter, digit or punctuation."),
    ("a\nb", "'a\\nb' cannot name an adapter: it contains U+000A, which is no letter, digit or punctuation."),
    ("a,b", "'a,b' cannot name an adapter: it contains ','."),
    ("-x", "'-x' cannot name an adapter: it begins with '-'."),
    ("😀", "'😀' cannot name an adapter: it contains U+1F600, which is no letter, digit or punctuation."),
    (
      "a\u{202E}b",
      "'a\\u{202E}b' cannot name an adapter: it contains U+202E, which is no letter, digit or punctuation."
    ),
    (
      String(repeating: "n", count: 300),
      "'\(String(repeating: "n", count: 64))…' cannot name an adapter: it has 300 characters; 128 are allowed."
    ),
  ])
  func `A name that cannot be is refused in a sentence, and nothing is changed`(_ name: String, _ message: String)
    throws
  {
    let before = try place.contents()
    for command in commands(naming: name) {
      #expect(try place.run(command) == .failed(message), "\(command)")
    }
    #expect(try place.contents() == before)
    #expect(!FileManager.default.fileExists(atPath: place.outside("x")))
  }

  /// No argument of a process can hold a NUL; a library's caller can.
  @Test func `A NUL in a name or path is refused`() throws {
    let before = try place.contents()
    try Registry.edit(path: place.path("registry.sqlite")) { registry in
      let model = try registry.model()
      #expect(throws: RegistryError.self) { try registry.addAdapter("a\0b", NewAdapter(), of: model) }
      #expect(throws: RegistryError.self) { try registry.rename("truecase", to: "a\0b", of: "deberta-v3-tiny-en") }
    }
    #expect(throws: InspectionError.self) { try Inspection("a\0b") }
    let model = try DebertaV2AdapterModel(folder: place.path("Models/deberta-v3-tiny-en"))
    #expect(throws: ModelError.self) {
      try MergedCheckpoint.write("x", of: model, from: place.path("Models/deberta-v3-tiny-en"), to: "a\0b")
    }
    #expect(try place.contents() == before)
  }

  /// Every command that opens the registry, as it would be used.
  private static let commands: [[String]] = [
    ["list"], ["show", "truecase"], ["activate", "truecase"], ["deactivate"], ["add", "new"],
    ["import", "Adapters/truecase", "--as", "new"], ["export", "truecase", "out"], ["rename", "truecase", "new"],
    ["tag", "truecase", "new"], ["remove", "truecase", "--yes"], ["models"], ["verify"], ["repair"], ["log"],
    ["summary"], ["merge", "debian-facets", "out"], ["inspect", "Adapters/truecase"], ["predict", "a"],
  ]

  private func registryBytes() throws -> Data { try Data(contentsOf: URL(filePath: place.path("registry.sqlite"))) }

  private func expectAllFail(with message: String) throws {
    let (before, bytes) = (try place.contents(), try registryBytes())
    for command in Self.commands {
      #expect(try place.run(command) == .failed(message), "\(command)")
    }
    #expect(try place.contents() == before)
    #expect(try registryBytes() == bytes)
  }

  @Test func `A file that is no registry is told by every command and left as it is`() throws {
    try Data("no database at all, but long enough to have a header".utf8)
      .write(to: URL(filePath: place.path("registry.sqlite")))
    try expectAllFail(with: "'\(place.path)/registry.sqlite' is not an adapter registry: it is no SQLite database.")
  }

  @Test func `A damaged registry is told by every command and left as it is`() throws {
    var bytes = try Data(contentsOf: URL(filePath: place.path("registry.sqlite")))
    for index in 100..<bytes.count { bytes[index] = UInt8(truncatingIfNeeded: index &* 31) }
    try bytes.write(to: URL(filePath: place.path("registry.sqlite")))
    let before = try place.contents()
    for command in Self.commands {
      let outcome = try place.run(command)
      #expect(outcome.exitCode == 1, "\(command)")
      #expect(
        outcome.messages.hasPrefix("Error: '\(place.path)/registry.sqlite' is damaged: "), "\(command): \(outcome)")
    }
    #expect(try registryBytes() == bytes)
    #expect(try place.contents() == before)
  }

  /// SQLite keeps `PRAGMA user_version` in bytes 60 to 63, big-endian.
  @Test func `A registry of a newer program is told by every command and left as it is`() throws {
    let url = URL(filePath: place.path("registry.sqlite"))
    var bytes = try Data(contentsOf: url)
    let known = bytes[63]
    bytes[62] = 3
    try bytes.write(to: url)
    try expectAllFail(
      with: "'\(place.path)/registry.sqlite' has schema version \(768 + Int(known)); this program knows versions up to "
        + "\(known): a newer program wrote it.")
  }

  // MARK: As an ordinary user

  /// A command that runs another one as a user whom file modes stop; empty where that is so already, nil where such
  /// a user cannot be become, or could not run the program.
  private static let asOrdinaryUser: [String]? = {
    if geteuid() != 0 { return [] }
    let command = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    guard let executable = try? CommandLineTool.executable.path else { return nil }
    process.arguments = command.dropFirst() + ["test", "-x", executable]
    guard (try? process.run()) != nil else { return nil }
    process.waitUntilExit()
    return process.terminationStatus == 0 ? command : nil
  }()

  private func setModes(file: Int, folder: Int) throws {
    for name in try FileManager.default.subpathsOfDirectory(atPath: place.path) + [""] {
      var isFolder = ObjCBool(false)
      _ = FileManager.default.fileExists(atPath: place.path(name), isDirectory: &isFolder)
      try FileManager.default.setAttributes(
        [.posixPermissions: isFolder.boolValue ? folder : file], ofItemAtPath: place.path(name))
    }
  }

  @Test(.enabled(if: asOrdinaryUser != nil, "setpriv is needed, and a program that everybody may run"))
  func `In a folder that may not be written reading works and changes are refused`() throws {
    let before = try place.contents()
    try setModes(file: 0o444, folder: 0o555)
    defer { try? setModes(file: 0o644, folder: 0o755) }
    let wrapper = Self.asOrdinaryUser ?? []
    for command in [
      ["list"], ["show", "truecase"], ["verify"], ["log"], ["summary"], ["inspect", "Adapters/truecase"],
    ] {
      #expect(try place.run(command, through: wrapper).exitCode == 0, "\(command)")
    }
    for command in [
      ["activate", "truecase"], ["deactivate"], ["add", "new"], ["rename", "truecase", "new"],
      ["tag", "truecase", "new"],
      ["remove", "truecase", "--yes"], ["repair"], ["merge", "debian-facets", "out"], ["export", "truecase", "out"],
    ] {
      let outcome = try place.run(command, through: wrapper)
      #expect(outcome.exitCode == 1, "\(command)")
      #expect(outcome.messages.hasPrefix("Error: ") && outcome.messages.split(separator: "\n").count == 1, "\(outcome)")
      #expect(
        outcome.messages.contains("may not be written")
          || outcome.messages.contains("cannot be made (Permission denied)."), "\(outcome)")
    }
    #expect(try place.contents() == before)
  }
}
