import Foundation
import TestSupport
import Testing

/// What the articles show is what these tests compile and run.
@Suite struct ArticleTests {
  private static let catalogue = Fixtures.root.appending(path: "Sources/AdapterHost/AdapterHost.docc")
  private static let articles = [
    "AdapterHost.md", "LoadRunSwitch.md", "TheRegistry.md", "AddingAMethod.md", "TrainingAdapters.md",
    "ClassifyingTexts.md", "TaggingTokens.md", "AnsweringQuestions.md", "FillingMasks.md", "ZeroShotLabels.md",
    "ChoosingAndRanking.md", "EmbeddingTexts.md", "Evaluating.md", "Precision.md", "TheHub.md",
  ]
  private static let articlesWithoutExamples = ["Differences.md", "Members.md", "MicrosoftsPage.md"]

  /// A path of an example: `here("Models/x")` in a test, `"Models/x"` in an article.
  private static func published(_ line: Substring) -> String {
    String(line).replacing(/here\(("[^"]*")\)/) { $0.output.1 }
  }

  /// Lines without the indent that they share.
  private static func dedented(_ lines: [String]) -> [String] {
    let indents = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }
    let shared = indents.min() ?? 0
    return lines.map { String($0.dropFirst(shared)) }
  }

  /// The Swift examples of an article; what imports the library is the same everywhere.
  private static func examples(of article: String) throws -> [[String]] {
    var examples: [[String]] = []
    var current: [String]?
    let text = try String(contentsOf: catalogue.appending(path: article), encoding: .utf8)
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      switch (current, line) {
      case (nil, "```swift"): current = []
      case (let lines?, "```"):
        examples.append(Array(lines.drop { $0 == "import AdapterHost" || $0.isEmpty }))
        current = nil
      default: current?.append(String(line))
      }
    }
    #expect(current == nil, "\(article) ends within an example")
    return examples
  }

  /// The lines of each file of this target.
  private static func sources() throws -> [[String]] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
    return try files.map { file in
      try String(contentsOf: folder.appending(path: file), encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false).map(published)
    }
  }

  private static func isPart(_ example: [String], of source: [String]) -> Bool {
    guard !example.isEmpty, example.count <= source.count else { return false }
    return (0...source.count - example.count).contains { start in
      dedented(Array(source[start..<start + example.count])) == example
    }
  }

  @Test(arguments: articles) func everyExampleIsCode(_ article: String) throws {
    let sources = try Self.sources()
    let examples = try Self.examples(of: article)
    #expect(!examples.isEmpty)
    for example in examples {
      #expect(
        sources.contains { Self.isPart(example, of: $0) },
        "No test holds this example of \(article):\n\(example.joined(separator: "\n"))")
    }
    let altered = examples.compactMap(\.first).map { [$0 + " "] }
    for example in altered { #expect(!sources.contains { Self.isPart(example, of: $0) }) }
  }

  @Test func everyArticleIsTried() throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: Self.catalogue.path).filter { $0.hasSuffix(".md") }
    #expect(found.sorted() == (Self.articles + Self.articlesWithoutExamples).sorted())
  }
}
