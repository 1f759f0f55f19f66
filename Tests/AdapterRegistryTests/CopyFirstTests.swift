import Files
import Foundation
import Testing

@testable import AdapterRegistry

/// What is imported is copied first; the copy is what is described and registered.
@Suite struct CopyFirstTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private static let names = ["adapter_config.json", "adapter.safetensors", "absent"]

  private func importing(
    _ folder: String, files: [String]? = names, in registry: Registry, describe: (String) throws -> Void = { _ in }
  ) throws -> AdapterRecord {
    try registry.importAdapter(folder: folder, files: files) {
      try describe($0)
      return ("saved", .example)
    }
  }

  @Test func whatChangesAfterTheCopyIsNotRegistered() throws {
    let registry = try scratch.registry()
    let source = try scratch.adapterFolder("from")
    let digest = try FolderContents(of: source).digest
    let adapter = try importing(source, in: registry) { copy in
      #expect(copy != source && FileSystem.exists("\(copy)/adapter.safetensors"))
      try scratch.folder("from", ["adapter.safetensors": "evil"])
    }
    #expect(adapter.name == "saved" && adapter.digest == digest)
    #expect(try registry.verify().isEmpty)
  }

  @Test func aCopyThatCannotBeReadIsRefusedByThePathOfItsSource() throws {
    let registry = try scratch.registry()
    let source = try scratch.adapterFolder("from")
    let error = #expect(throws: RefusedFolder.self) {
      try importing(source, in: registry) { throw RegistryError.notFound(path: "\($0)/x") }
    }
    #expect(error?.description == "There is no registry at '\(source)/x'.")
    #expect(try FileSystem.names(in: scratch.adapters).isEmpty)
  }

  @Test func otherEntriesAreLeftAndLinksBecomeFiles() throws {
    let registry = try scratch.registry()
    let secret = try scratch.folder("private", ["key": "secret", "weights": "bytes"])
    let source = try scratch.folder("from", ["adapter_config.json": "{}", "more.txt": "x"])
    try scratch.folder("from/inner", ["x": "1"])
    for (name, target) in [("notes.txt", "key"), ("folder", ""), ("adapter.safetensors", "weights")] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(source)/\(name)", withDestinationPath: "\(secret)/\(target)")
    }
    // Without a choice of files every entry would count: then links are refused.
    #expect(throws: RegistryError.self) { try importing(source, files: nil, in: registry) }
    let adapter = try importing(source, in: registry)
    #expect(try FileSystem.names(in: adapter.path) == ["adapter.safetensors", "adapter_config.json"])
    #expect(try OpenFolder(adapter.path).kind(of: "adapter.safetensors") == .file)
    #expect(try registry.verify().isEmpty)
  }

  @Test func aPrivateFileStaysPrivate() throws {
    let registry = try scratch.registry()
    let source = try scratch.adapterFolder("from")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(source)/adapter.safetensors")
    let adapter = try importing(source, in: registry)
    let modes = try ["adapter.safetensors", "adapter_config.json"].map { name in
      try #require(FileStamp(of: "\(adapter.path)/\(name)")).mode & 0o077
    }
    #expect(modes[0] == 0 && modes[1] != 0)
  }

  @Test func aPipeADeviceAndAHugeDescriptionAreRefused() throws {
    let registry = try scratch.registry()
    let source = try scratch.folder("from", ["adapter_config.json": "{}"])
    try makePipe("\(source)/adapter.safetensors")
    #expect(throws: RegistryError.self) { try importing(source, in: registry) }
    try FileSystem.remove("\(source)/adapter.safetensors")
    try FileManager.default.createSymbolicLink(
      atPath: "\(source)/adapter.safetensors", withDestinationPath: "/dev/zero")
    #expect(throws: RegistryError.self) { try importing(source, in: registry) }
    try FileSystem.remove("\(source)/adapter.safetensors")
    #expect(truncate("\(source)/adapter_config.json", 1 << 40) == 0)
    #expect(throws: RegistryError.self) { try importing(source, in: registry) }
    #expect(try FileSystem.names(in: scratch.adapters).isEmpty)
  }

  @Test func aFolderAmongTheAdaptersThatHoldsALinkIsRefused() throws {
    let registry = try scratch.registry()
    let source = try scratch.adapterFolder("home/Adapters/here")
    try FileManager.default.createSymbolicLink(atPath: "\(source)/more", withDestinationPath: "/etc/passwd")
    #expect(
      throws: RegistryError.unexpectedEntry(path: "\(source)/more", reason: "is a link; only files are expected here")
    ) {
      try importing(source, in: registry)
    }
    try FileSystem.remove("\(source)/more")
    #expect(try importing(source, in: registry).path == source)
  }
}
