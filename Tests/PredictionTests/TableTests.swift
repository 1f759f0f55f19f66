import Foundation
import TestSupport
import Testing

@testable import AdapterHost

/// Texts in the rows of tables.
@Suite struct TableTests {
  private func texts(_ table: String, as name: String, _ columns: DataColumns = [:]) throws -> [String] {
    let folder = try TemporaryFolder()
    var source = try TextSource(path: folder.write(table, as: name), columns: columns)
    var found: [String] = []
    while let item = try source.next() {
      switch item {
      case .success(let input):
        found.append("\(input.index) \(input.text)" + (input.pair.map { "|\($0)" } ?? ""))
      case .failure(let failure): found.append(failure.description)
      }
    }
    return found
  }

  @Test func `A CSV is read as one, and its heading is no text`() throws {
    #expect(
      try texts("text,label\na river,x\n\"a hill, and \"\"more\"\"\",y\n", as: "d.csv") == [
        "0 a river", "1 a hill, and \"more\"",
      ])
    #expect(try texts("\u{FEFF}text\tlabel\r\na river\tx\r\n", as: "d.tsv") == ["0 a river"])
    // The same lines in a file of another name are texts.
    #expect(try texts("text,label\na river,x\n", as: "d.txt") == ["0 text,label", "1 a river,x"])
  }

  @Test func `Columns have the names that training knows, or those that are given`() throws {
    #expect(
      try texts("question,context,id\nwho?,it was me,7\nwhat?,,8\n", as: "d.csv") == ["0 who?|it was me", "1 what?"])
    #expect(try texts("question,sentence\nwho?,me\n", as: "d.csv") == ["0 who?|me"])
    #expect(try texts("review,stars\ngood,5\n", as: "d.csv", [.text: "review"]) == ["0 good"])
    #expect(message { _ = try texts("review,stars\ngood,5\n", as: "d.csv") }?.contains("'review'") == true)
    #expect(
      message { _ = try texts("review,stars\ngood,5\n", as: "d.csv", [.text: "title"]) }?.contains("'title'")
        == true)
    #expect(throws: TextSourceError.columnsOfLines) { _ = try texts("a", as: "d.txt", [.text: "review"]) }
  }

  @Test func `A row that cannot be read is an error with its line, and the others are answered`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("text,adapter\na library,\na,b,c\nx,Stack(\nmore,truecase\n", as: "d.csv")
    var outcomes: [String] = []
    try Shipped.predictor("debian-section").predict(TextSource(path: path)) { batch in
      outcomes += batch.map { outcome in
        switch outcome {
        case .success(let prediction): prediction.answers.map(\.head).joined()
        case .failure(let failure): String(failure.description.prefix(7))
        }
      }
    }
    #expect(outcomes == ["debian-section", "line 3:", "line 4:", "truecase"])
  }
}
