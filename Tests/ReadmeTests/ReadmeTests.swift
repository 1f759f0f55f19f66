import AdapterHost
import Foundation
import Testing

/// The README's own statements.
@Suite struct ReadmeTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  @Test func theExampleOfTheReadmeIsTheOneThatIsCompiledHere() throws {
    let source = try text("Tests/ReadmeTests/Example.swift").split(separator: "\n", omittingEmptySubsequences: false)
    let first = try #require(source.firstIndex { $0.hasSuffix("// begin") })
    let last = try #require(source.firstIndex { $0.hasSuffix("// end") })
    let example = source[(first + 1)..<last].map { $0.hasPrefix("  ") ? $0.dropFirst(2) : $0 }.joined(separator: "\n")
    let readme = try text("README.md")
    #expect(!readme.contains(example + "\nlet another"))
    #expect(readme.contains(example.replacing("log(", with: "print(")))
  }

  @Test func theExampleAnswersWithLabelsOfBothHeads() throws {
    var lines: [String] = []
    let folder = FileManager.default.currentDirectoryPath
    #expect(FileManager.default.changeCurrentDirectoryPath(Self.root.path))
    defer { _ = FileManager.default.changeCurrentDirectoryPath(folder) }
    try example { lines.append($0) }
    #expect(lines.count == 4)
    #expect(lines.first == "debian-section: a library for reading PDF files → libs")
    #expect(lines.last == "wordnet-domain: any of numerous small rodents → noun.animal")
  }

  @Test func everyFolderThatTheReadmeNamesExists() throws {
    let readme = try text("README.md")
    let paths = readme.matches(of: /`((?:Sources|Tests|Tools|Benchmarks|Models|Adapters)\/[A-Za-z0-9_\/.\-]*)`/).map(
      \.1)
    #expect(paths.count > 5)
    for path in paths {
      #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: String(path)).path), "\(path)")
    }
  }

  /// Tables of measurements are those of the benchmark's last run.
  @Test func everyRowOfMeasurementsIsOneOfTheResults() throws {
    let readme = try text("README.md").split(separator: "\n").map(String.init)
    let results = try ["table.md", "tasks.md"].flatMap {
      try text("Benchmarks/results/\($0)").split(separator: "\n").map(String.init)
    }
    func rows(_ heading: String, until next: String) throws -> [String] {
      let first = try #require(readme.firstIndex { $0.hasPrefix(heading) })
      let last = try #require(readme.firstIndex { $0.hasPrefix(next) })
      return readme[first..<last].filter { $0.hasPrefix("|") }
    }
    let rows = try rows("## Training", until: "## What it reads") + rows("## How fast", until: "## How we know")
    #expect(rows.count > 40)
    for row in rows { #expect(results.contains(row), "\(row)") }
    #expect(!results.contains(rows[3] + " "))
  }
}
