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
    let named = readme.matches(of: /`((?:Sources|Tests|Tools|Benchmarks|Models|Adapters)\/[A-Za-z0-9_\/.\-]*)`/)
    let linked = readme.matches(of: /\]\(([A-Za-z0-9_\/.\-]+)\)/)
    let paths = named.map(\.1) + linked.map(\.1)
    #expect(paths.count > 5)
    for path in paths {
      #expect(FileManager.default.fileExists(atPath: Self.root.appending(path: String(path)).path), "\(path)")
    }
  }

  /// Rows of measurements hold the numbers of the benchmark's last run, shape by shape.
  @Test func everyMeasurementIsOneOfTheResults() throws {
    func numbers(_ line: some StringProtocol) -> [String] {
      String(line).matches(of: /[0-9]+(?:\.[0-9]+)?/).map { String($0.output) }
    }
    let results = try text("Benchmarks/results/table.md").split(separator: "\n")
    let shapes = ["1x16", "1x128", "8x128", "1x512"]
    let rows = try text("README.md").split(separator: "\n").filter { row in
      shapes.contains { row.hasPrefix("| \($0) |") }
    }
    #expect(rows.count == shapes.count)
    for (shape, row) in zip(shapes, rows) {
      let measured = try #require(results.first { $0.hasPrefix("| \(shape) |") && $0.contains(" x)") })
      let known = Set(numbers(measured))
      for number in numbers(row.dropFirst(shape.count + 3)) { #expect(known.contains(number), "\(shape): \(number)") }
      #expect(!known.contains("0.001"))
    }
  }
}
