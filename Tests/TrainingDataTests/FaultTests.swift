import Foundation
import Testing

@testable import Training

@Suite struct FaultTests {
  private let good = "{\"text\": \"a\", \"label\": \"x\"}\n"

  @Test(arguments: [
    ("x", "the JSON has 'x' at byte 0, where a value is expected."),
    ("[]", "expected a JSON object, found a list."),
    ("{\"text\": 5, \"label\": \"x\"}", "'text' must be a string, found the number 5."),
    ("{\"text\": \"a\"}", "'label' is missing."),
    ("{\"text\": \"a\", \"label\": null}", "'label' is missing."),
    ("{\"text\": \"a\", \"label\": 0.5}", "'label' must be a label's name or number, found the number 0.5."),
    ("{\"text\": \"a\", \"label\": [1]}", "'label' must be a label's name or number, found a list."),
    ("{\"text\": \"a\", \"label\": \"x\", \"pair\": 1}", "'pair' must be a string, found the number 1."),
  ])
  func `A malformed line is told with its number and the reason`(_ line: String, _ reason: String) throws {
    let data = try read(good + line + "\n" + good, as: "d.jsonl", for: .classification)
    #expect(data.examples.map(\.line) == [1, 3])
    #expect(data.reasons == ["2: \(reason)"])
    #expect((data.faults.records, data.faults.count) == (3, 1))
  }

  @Test func `Bytes that are no UTF-8 are a fault of their line`() throws {
    let folder = try TemporaryFolder()
    let bytes = Array("a\n".utf8) + [0xC3, 0x28] + Array("\nb".utf8)
    try Data(bytes).write(to: URL(filePath: folder.path("d.txt")))
    let data = try SourceData(path: folder.path("d.txt"), for: .maskedLM)
    #expect(data.texts == ["a", "b"])
    #expect(
      data.reasons == [
        "2: the text is not UTF-8 (byte 0xC3 after 0 characters). If the file is in Windows-1252 or Latin-1, convert it: "
          + "iconv -f WINDOWS-1252 -t UTF-8."
      ])
  }

  @Test func `Ten faults of few lines are tolerated, and eleven are not`() throws {
    let data = try read(good + String(repeating: "x\n", count: 10), as: "d.jsonl", for: .classification)
    #expect(data.faults.count == 10)
    #expect(
      message { _ = try read(good + String(repeating: "x\n", count: 11), as: "d.jsonl", for: .classification) }
        == """
        d.jsonl: 11 of 12 records cannot be used. The first:
          d.jsonl, line 2: the JSON has 'x' at byte 0, where a value is expected.
          d.jsonl, line 3: the JSON has 'x' at byte 0, where a value is expected.
          d.jsonl, line 4: the JSON has 'x' at byte 0, where a value is expected.
        """)
  }

  @Test func `One percent of many lines is tolerated, and one more is not`() throws {
    let most = String(repeating: good, count: 1980)
    let data = try read(String(repeating: "x\n", count: 20) + most, as: "d.jsonl", for: .classification)
    #expect((data.faults.count, data.faults.first.count, data.examples.count) == (20, 10, 1980))
    #expect(throws: DatasetError.self) {
      try read(String(repeating: "x\n", count: 21) + most, as: "d.jsonl", for: .classification)
    }
  }

  @Test func `Without tolerance the first fault is an error`() {
    #expect(throws: DatasetError.self) {
      try read(good + "x", as: "d.jsonl", for: .classification, tolerance: .none)
    }
  }

  @Test func `A file without examples is an error`() {
    #expect(
      message { _ = try read("\n\n", as: "d.jsonl", for: .classification) }
        == "d.jsonl: no example is in it. Is it the right file, in the right format?")
    #expect(
      message { _ = try read("text,label\n", as: "d.csv", for: .classification) }
        == "d.csv: no example is in it. Is it the right file, in the right format?")
    #expect(
      message { _ = try read("x\n", as: "d.jsonl", for: .classification) }
        == "d.jsonl: 1 of 1 records cannot be used. The first:\n"
        + "  d.jsonl, line 1: the JSON has 'x' at byte 0, where a value is expected.")
  }

  /// Choices are counted when examples are cut into tokens, after all records were read.
  @Test func `The first fault that is reported is the first in the file, whenever it was found`() throws {
    func line(_ choices: String) -> String { "{\"question\": \"a\", \"choices\": \(choices), \"label\": 0}\n" }
    let text = line(#"["x", "y"]"#) + line(#"["x", "y", "z"]"#) + "x\n" + line(#"["x"]"#)
    let data = try read(text, as: "d.jsonl", for: .multipleChoice)
    #expect(data.faults.first.map(\.line) == [3, 4])
    let dataset = try ExampleEncoder(shippedTokenizer.get(), for: .multipleChoice).dataset(data)
    #expect(dataset.faults.first.map(\.line) == [2, 3, 4] && dataset.faults.count == 3)
    #expect(dataset.faults.notes[0].contains("d.jsonl, line 2: there must be 2 choices"))
  }

  @Test func `The columns of SWAG are recognized`() {
    let text = message {
      _ = try read("startphrase,sent1,sent2,ending0,ending1,label\na,b,c,d,e,0\n", as: "d.csv", for: .multipleChoice)
    }
    #expect(text?.hasSuffix("Name it: --column question=startphrase.") == true)
  }

  @Test func `A file that is not there is an error`() {
    #expect(
      message { _ = try SourceData(path: "/no/such.csv", for: .regression) }
        == "such.csv: the data cannot be read (No such file or directory).")
  }

  @Test func `A missing column is told with those that are there`() {
    #expect(
      message { _ = try read("text,stars\na,5\n", as: "d.csv", for: .classification) }
        == "d.csv: no column for the label: looked for 'label', 'labels', found 'text', 'stars'. "
        + "Name the column that holds it: --column label=NAME.")
    #expect(
      message { _ = try read(good, as: "d.jsonl", for: .classification, columns: [.text: "body"]) }
        == "d.jsonl: no column for the text: looked for 'body', found 'label', 'text'. "
        + "Name the column that holds it: --column text=NAME.")
    #expect(throws: DatasetError.self) { try read(good, as: "d.jsonl", for: .classification, columns: [.pair: "b"]) }
  }
}
