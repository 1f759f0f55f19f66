import Files
import Foundation
import Testing

@testable import AdapterRegistry

@Suite struct FolderContentsTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func digest(_ folder: String, files: [String]? = nil) throws -> ContentDigest {
    try FolderContents(of: folder, files: files).digest
  }

  @Test func aFoldersDigestIsThatOfItsListOfFiles() throws {
    let folder = try scratch.folder("a", ["b": "abc", "a": ""])
    let lines = "a\u{0}0\u{0}\(ContentDigest(of: "".utf8))\nb\u{0}3\u{0}\(ContentDigest(of: "abc".utf8))\n"
    #expect(try digest(folder) == ContentDigest(of: lines.utf8))
  }

  @Test func aNameOrAByteMakesAnotherDigestAndThePlaceDoesNot() throws {
    let first = try digest(scratch.folder("a", ["x": "1", "y": "2"]))
    #expect(try digest(scratch.folder("b", ["x": "1", "z": "2"])) != first)
    #expect(try digest(scratch.folder("c", ["x": "2", "y": "1"])) != first)
    #expect(try digest(scratch.folder("d", ["y": "2", "x": "1", ".hidden": "3"])) == first)
    #expect(
      try digest(scratch.folder("e", ["x": "1", "y": "2", "z": "3"]), files: ["y", "x"]) == first)
  }

  @Test func whatIsNoRegularFileIsRefused() throws {
    let folder = try scratch.folder("a", ["x": "1"])
    try scratch.folder("a/inner", ["y": "1"])
    #expect(
      throws: RegistryError.unexpectedEntry(
        path: "\(folder)/inner", reason: "is a folder; only files are expected here")
    ) {
      try digest(folder)
    }
    #expect(throws: RegistryError.self) { try digest("\(scratch.path)/absent") }
    #expect(throws: RegistryError.self) { try digest("\(folder)/x") }
    #expect(throws: RegistryError.self) { try digest(folder, files: ["../a/x"]) }
    #expect(throws: RegistryError.self) { try digest(scratch.folder("empty", [:])) }
  }

  @Test func aPipeIsRefusedAndNotWaitedFor() throws {
    let folder = try scratch.folder("a", ["x": "1"])
    try makePipe("\(folder)/pipe")
    #expect(throws: RegistryError.unexpectedEntry(path: "\(folder)/pipe", reason: "is not a regular file")) {
      try digest(folder)
    }
  }
}
