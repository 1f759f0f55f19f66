import Foundation
import Testing

@testable import Files

/// A folder of its own for one test.
private final class Place: Sendable {
  let path: String

  init() throws {
    path = try #require(FilePaths.resolved(NSTemporaryDirectory())) + "/files-\(UUID().uuidString)"
    try FileSystem.makeFolders(path)
  }

  deinit { try? FileSystem.remove(path) }

  func write(_ text: String, _ name: String) throws -> String {
    try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
    return "\(path)/\(name)"
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }

  func names(_ folder: String = "") throws -> [String] { try FileSystem.names(in: "\(path)/\(folder)") }
}

@Suite struct DraftTests {
  private let place: Place

  init() throws { place = try Place() }

  private func publish(_ text: String, as path: String) throws {
    let draft = try FileDraft(for: path)
    try append(text, to: draft)
    try draft.publish()
  }

  private func append(_ text: String, to draft: borrowing FileDraft) throws {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: text.utf8.count, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyBytes(from: text.utf8)
    try draft.append(UnsafeRawBufferPointer(bytes))
  }

  @Test func aFileKeepsItsModeAndALinkLeadsToIt() throws {
    let path = try place.write("old", "file")
    try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    try FileManager.default.createSymbolicLink(atPath: "\(place.path)/link", withDestinationPath: "file")
    try publish("new", as: "\(place.path)/link")
    #expect(try place.text("file") == "new")
    #expect(try OpenFolder(place.path).kind(of: "link") == .link)
    #expect(FileStamp(of: path)?.mode == UInt32(S_IFREG) | 0o600)
    #expect(try place.names() == ["file", "link"])
  }

  /// Between the check that nothing is there and the end of the work anybody may put something there.
  @Test func aNewFolderReplacesNothingThatCameMeanwhile() throws {
    let path = "\(place.path)/new"
    func draft() throws -> FolderDraft {
      let draft = try FolderDraft(for: path)
      try "new".write(toFile: "\(draft.path)/file", atomically: false, encoding: .utf8)
      return draft
    }
    let first = try draft()
    try FileSystem.makeFolders(path)
    _ = try place.write("foreign", "new/file")
    do throws(FileError) {
      try first.publishAsNew()
      Issue.record("a folder was replaced")
    } catch { #expect(error.description.contains("File exists")) }
    #expect(try place.text("new/file") == "foreign" && place.names() == ["new"])
    let second = try draft()
    try FileSystem.remove(path)
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "elsewhere")
    do throws(FileError) {
      try second.publishAsNew()
      Issue.record("a link was replaced")
    } catch { #expect(error.description.contains("File exists")) }
    try FileSystem.remove(path)
    try FileSystem.makeFolders(path)
    try draft().publishAsNew()
    #expect(try place.text("new/file") == "new" && place.names() == ["new"])
  }

  @Test func aFolderOfWhichTheListCannotBeReadLeavesNoDescriptorOpen() throws {
    func open() -> Int { (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0 }
    let file = try place.write("x", "file")
    makePipe("\(place.path)/pipe")
    let before = open()
    for _ in 0..<200 {
      #expect(throws: FileError.self) { try OpenFolder(file) }
      #expect(throws: FileError.self) { try OpenFolder(place.path).folder("file") }
      #expect(throws: FileError.self) { try ReadFile("\(place.path)/pipe") }
      #expect(throws: FileError.self) { try OpenFolder(place.path).file("pipe") }
      _ = try OpenFolder(place.path).names()
    }
    #expect(open() <= before + 8, "other tests may have some open")
  }

  private func makePipe(_ path: String) { mkfifo(path, 0o600) }

  @Test func aDeviceIsWrittenToAndNeverReplaced() throws {
    let device = "\(place.path)/null"
    try FileManager.default.createSymbolicLink(atPath: device, withDestinationPath: "/dev/null")
    try publish("text", as: device)
    #expect(try FileStamp(of: "/dev/null")?.kind == .other && place.names() == ["null"])
    #expect(throws: FileError.refused(.write, path: "/dev/full", code: ENOSPC)) { try publish("text", as: "/dev/full") }
  }

  @Test func aDraftThatIsDroppedLeavesNothing() throws {
    let path = try place.write("old", "file")
    do {
      let draft = try FileDraft(for: path)
      #expect(try place.names().count == 2)
      _ = draft.path
    }
    #expect(try place.names() == ["file"])
    do {
      let draft = try FolderDraft(for: "\(place.path)/folder")
      _ = try place.write("x", FilePaths.lastPart(of: draft.path) + "/x")
    }
    #expect(try place.names() == ["file"])
  }

  @Test func aFolderIsExchangedInOneStep() throws {
    try FileSystem.makeFolders("\(place.path)/folder/inner")
    _ = try place.write("old", "folder/inner/old")
    let draft = try FolderDraft(for: "\(place.path)/folder/")
    _ = try place.write("new", FilePaths.lastPart(of: draft.path) + "/new")
    #expect(try place.names("folder") == ["inner"])
    try draft.publish()
    #expect(try place.names("folder") == ["new"])
    #expect(try place.names() == ["folder"])
  }

  @Test func aFileIsNotReplacedByAFolder() throws {
    let path = try place.write("text", "taken")
    #expect(throws: FileError.self) {
      let draft = try FolderDraft(for: path)
      try draft.publish()
    }
    #expect(try place.text("taken") == "text")
    #expect(try place.names() == ["taken"])
  }

  @Test func namesThatAreTakenAreNotOverwritten() throws {
    _ = try place.write("a", "a")
    _ = try place.write("b", "b")
    let folder = try OpenFolder(place.path)
    #expect(throws: FileError.refused(.rename, path: "\(place.path)/a", code: EEXIST)) {
      try folder.rename("a", to: "b")
    }
    try folder.exchange("a", with: "b")
    #expect(try place.text("a") == "b" && place.text("b") == "a")
  }

  @Test func aTreeIsRemovedWithoutFollowingLinks() throws {
    try FileSystem.makeFolders("\(place.path)/outside")
    try FileSystem.makeFolders("\(place.path)/tree/inner")
    _ = try place.write("precious", "outside/file")
    for name in ["tree/link", "tree/inner/link"] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(place.path)/\(name)", withDestinationPath: "\(place.path)/outside")
    }
    let folder = try OpenFolder(place.path)
    for name in ["", ".", "..", "tree/inner", "/", "a\0b"] {
      #expect(throws: FileError.self) { try folder.remove(name) }
    }
    #expect(throws: FileError.self) { try folder.folder("tree").folder("link") }
    try folder.remove("tree")
    #expect(try place.names() == ["outside"])
    #expect(try place.names("outside") == ["file"])
  }

  @Test func allDraftsOfAProcessCanBeRemoved() async throws {
    await #expect(processExitsWith: .success) { [path = place.path as String] in
      let file = try FileDraft(for: "\(path)/file")
      let folder = try FolderDraft(for: "\(path)/folder")
      try "x".write(toFile: "\(folder.path)/x", atomically: false, encoding: .utf8)
      try #require(try FileSystem.names(in: path).count == 2)
      Drafts.removeAll()
      try #require(try FileSystem.names(in: path).isEmpty)
      _ = file.path
    }
  }
}
