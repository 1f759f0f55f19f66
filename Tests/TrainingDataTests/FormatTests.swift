import Testing

@testable import Training

@Suite struct FormatTests {
  @Test(arguments: [
    ("a.jsonl", TrainingFormat.jsonLines), ("/x.csv/a.NDJSON", .jsonLines), ("a.b.csv", .csv), ("a.tsv", .tsv),
    ("a.conll", .conll), ("a.iob2", .conll), ("a.txt", .text), ("a.csv.gz", .csv), ("a.JSONL.xz", .jsonLines),
  ])
  func `The end of the name tells the format`(_ path: String, _ format: TrainingFormat) throws {
    #expect(try TrainingFormat(path: path, for: .classification) == format)
  }

  @Test func `A text file for tagging has columns`() throws {
    #expect(try TrainingFormat(path: "train.txt", for: .tagging) == .conll)
  }

  @Test(arguments: ["data", "data.xz", "folder.csv/data", ".csvx"])
  func `Another end is an error that asks for the format`(_ path: String) throws {
    #expect(throws: DatasetError.unknownFormat(path: path)) { try TrainingFormat(path: path, for: .tagging) }
  }

  @Test func `JSON Lines hold an object in each line that is not blank`() throws {
    let data = try read(
      "\u{FEFF}{\"text\": \"a\", \"label\": \"x\"}\r\n\n  {\"label\": 1, \"text\": \"b\\nc\"}", as: "d.jsonl",
      for: .classification)
    #expect(data.texts == ["a", "b\nc"])
    #expect(data.answers == [.label(.name("x")), .label(.number(1))])
    #expect(data.examples.map(\.line) == [1, 3])
  }

  @Test func `Quoted fields hold commas, quotes and line ends`() throws {
    let data = try read(
      "text,label\r\n\"a, \"\"b\"\"\",x\r\n\"c\r\n\r\nd\",y\ne \"f\",z\n\"\",w\n", as: "d.csv", for: .classification)
    #expect(data.texts == ["a, \"b\"", "c\n\nd", "e \"f\"", ""])
    #expect(data.answers == ["x", "y", "z", "w"].map { .label(.name($0)) })
    #expect(data.examples.map(\.line) == [2, 3, 6, 7])
  }

  @Test func `Faulty fields are told with the line where the record begins`() throws {
    let data = try read(
      "text,label\na,b,c\n\"a\nb\"c,d\nd\ne,f", as: "d.csv", for: .classification)
    #expect(data.texts == ["e"])
    #expect(
      data.reasons == [
        "2: expected 2 fields, as in the first line, found 3.",
        "3: text follows the closing quote of field 1. Write a quote inside a quoted field as two.",
        "5: expected 2 fields, as in the first line, found 1.",
      ])
  }

  @Test func `A quote that never closes is an error, for the rest of the file is lost`() {
    #expect(
      message { _ = try read("text,label\na,b\n\"c,d\ne,f\n", as: "d.csv", for: .classification) }
        == "d.csv, line 3: a quote opens here, and the file ends before it closes. "
        + "Write a quote inside a quoted field as two.")
  }

  @Test func `Quotes between tabs are as good as letters`() throws {
    let data = try read(
      "sentence\tlabel\n\"a\tx\nb\"\ty\n\tz\n", as: "d.tsv", for: .classification)
    #expect(data.texts == ["\"a", "b\"", ""])
  }

  @Test func `Without a header columns go by their numbers`() throws {
    let data = try read(
      "gj04\t1\t\ta text\ngj04\t0\t*\tanother\n", as: "d.tsv", for: .classification,
      columns: DataColumns([.text: "4", .label: "2"], hasHeader: false))
    #expect(data.texts == ["a text", "another"])
    #expect(data.answers == [.label(.number(1)), .label(.number(0))])
  }

  @Test func `Sentences of CoNLL end at blank lines`() throws {
    let data = try read(
      "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n\nPeter NNP I-NP B-PER\r\n \n#tag NN I-NP O",
      as: "train.conll", for: .tagging)
    #expect(data.texts == ["EU|rejects", "Peter", "#tag"])
    #expect(data.answers[0] == .tags([.name("B-ORG"), .name("O")]))
    #expect(data.examples.map(\.line) == [3, 7, 9])
  }

  @Test func `Columns of CoNLL can be chosen, and tabs keep spaces`() throws {
    let data = try read(
      "1\tNew York\tPROPN\t_\n2\tis\tAUX\t_\n", as: "d.conll", for: .tagging, columns: [.tokens: "2", .tags: "3"])
    #expect(data.texts == ["New York|is"])
    #expect(data.answers == [.tags([.name("PROPN"), .name("AUX")])])
  }

  @Test func `A sentence with a line of other columns is left out`() throws {
    let data = try read("a O\nb\n\nc O\n\nd X O\n\ne O", as: "d.bio", for: .tagging)
    #expect(data.texts == ["c", "e"])
    #expect(
      data.reasons == [
        "2: expected 2 columns, as above, found 1 column.", "6: expected 2 columns, as above, found 3 columns.",
      ])
  }

  @Test func `Lines of text are texts`() throws {
    let data = try read("a b\r\n\n c\n", as: "d.txt", for: .maskedLM)
    #expect(data.texts == ["a b", " c"])
    #expect(data.answers == [.none, .none])
  }

  @Test func `Lines longer than the buffer are whole`() throws {
    let long = String(repeating: "word ", count: 200_000)
    let data = try read("a\n\(long)\nb", as: "d.txt", for: .maskedLM)
    #expect(data.texts == ["a", long, "b"])
  }
}
