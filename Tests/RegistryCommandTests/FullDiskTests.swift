import Foundation
import TestSupport
import Testing

/// The registry lies on a disk that fills up.
@Suite struct FullDiskTests {
  /// Whether a small disk can be had here.
  private static let canMount: Bool = {
    guard geteuid() == 0, let folder = try? TemporaryFolder(), mounted(folder.path, kilobytes: 64) else { return false }
    unmount(folder.path)
    return true
  }()

  @discardableResult
  private static func run(_ command: String...) -> Bool {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }

  private static func mounted(_ path: String, kilobytes: Int) -> Bool {
    run("mount", "-t", "tmpfs", "-o", "size=\(kilobytes)k", "none", path)
  }

  private static func unmount(_ path: String) { run("umount", path) }

  @Test(.enabled(if: canMount, "mounting a small disk needs root"))
  func `On a full disk a change is refused, and the registry stays as it was`() throws {
    let place = try Workplace()
    let disk = try TemporaryFolder()
    try #require(Self.mounted(disk.path, kilobytes: 3000))
    defer { Self.unmount(disk.path) }
    let registry = disk.path("registry.sqlite")
    #expect(try place.run("models", "register", "Models/deberta-v3-tiny-en", "--registry", registry).exitCode == 0)
    #expect(try place.run("import", "Adapters/truecase", "--registry", registry).exitCode == 0)
    var names: [String] = ["truecase"]
    var refusals: [String] = []
    for number in 0..<12 {
      let outcome = try place.run("import", "Adapters/debian-section", "--as", "s\(number)", "--registry", registry)
      if outcome.exitCode == 0 { names.append("s\(number)") } else { refusals.append(outcome.messages) }
    }
    #expect(names.count > 1 && refusals.count > 1)
    #expect(refusals.allSatisfy { $0.contains("is full") || $0.contains("No space left") }, "\(refusals)")
    #expect(try place.run("list", "--registry", registry).lines.count == names.count)
    #expect(try place.run("verify", "--registry", registry).exitCode == 0)

    fill(disk.path("filler"))
    let before = try place.run("list", "--registry", registry)
    let entries = try FileManager.default.contentsOfDirectory(atPath: disk.path).sorted()
    #expect(before.lines.count == names.count)
    for command in [
      ["add", "new"], ["activate", "truecase"], ["rename", "truecase", "x"], ["tag", "truecase", "t"],
      ["export", "truecase", disk.path("out")],
    ] {
      let outcome = try place.run(command + ["--registry", registry])
      #expect(outcome.exitCode == 1, "\(command)")
      #expect(outcome.messages.contains("is full") || outcome.messages.contains("No space left"), "\(outcome)")
      #expect(try place.run("list", "--registry", registry) == before, "\(command)")
      #expect(try place.run("verify", "--registry", registry).exitCode == 0, "\(command)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path).sorted() == entries, "\(command)")
    }

    // What makes room is done: the folder goes before its row.
    let removal = try place.run("remove", "truecase", "--yes", "--registry", registry)
    #expect(removal.exitCode == 0, "\(removal)")
    #expect(try place.run("list", "--registry", registry).lines.count == names.count - 1)
    #expect(!FileManager.default.fileExists(atPath: disk.path("Adapters/truecase")))
    #expect(try place.run("verify", "--registry", registry).exitCode == 0)
    try FileManager.default.removeItem(atPath: disk.path("filler"))
    #expect(try place.run("add", "after", "--config", "lora[r=1]", "--registry", registry).exitCode == 0)
    #expect(try place.run("verify", "--registry", registry).exitCode == 0)
  }

  /// Writes zeros until nothing more fits.
  private func fill(_ path: String) {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    guard let file = FileHandle(forWritingAtPath: path) else { return }
    for size in [65_536, 4096, 512, 1] {
      while (try? file.write(contentsOf: Data(count: size))) != nil {}
    }
    try? file.close()
  }
}
