import Foundation
import TestSupport
import Testing

/// The article about Microsoft's page names a test in every row of its tables.
@Suite struct MicrosoftsPageTests {
  private static let article = Fixtures.root.appending(
    path: "Sources/AdapterHost/AdapterHost.docc/MicrosoftsPage.md")

  /// The cells of a table's rows, without heads and rules.
  private static func rows() throws -> [[String]] {
    try String(contentsOf: article, encoding: .utf8).split(separator: "\n")
      .filter { $0.hasPrefix("| `") }
      .map { row in
        row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
      }
  }

  /// What stands between backticks.
  private static func names(in cell: String) -> [String] {
    cell.split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }
      .map { String($0.element) }
  }

  private static func sources() throws -> String {
    let tests = Fixtures.root.appending(path: "Tests")
    let files = FileManager.default.enumerator(at: tests, includingPropertiesForKeys: nil)?.allObjects ?? []
    return try files.compactMap { $0 as? URL }.filter { $0.pathExtension == "swift" }
      .map { try String(contentsOf: $0, encoding: .utf8) }.joined(separator: "\n")
  }

  @Test func everyRowNamesTestsThatAreThere() throws {
    let (rows, sources) = (try Self.rows(), try Self.sources())
    #expect(rows.count > 20)
    for row in rows {
      let names = Self.names(in: row.last ?? "")
      #expect(row.count == 3 && !names.isEmpty, "\(row)")
      for name in names where !name.hasPrefix("a-") {
        #expect(sources.contains("func \(name)("), "no test is called \(name)")
      }
      for name in names where name.hasPrefix("a-") {
        #expect(sources.contains("\"\(name)\""), "no case is called \(name)")
      }
    }
    #expect(!sources.contains("func everyRowNamesATestThatIsNot" + "There("))
  }
}
