import Checkpoints
import Foundation
import Tasks
import Testing

@testable import Training

/// Files as other programs write them are read as their writers mean them, or refused.
@Suite struct MessyFileTests {
  // MARK: - CoNLL

  private static let tags: [SourceExample.Answer] = [
    .tags([.name("O"), .name("B-LOC")]), .tags([.name("O"), .name("O")]),
  ]

  @Test(arguments: [
    "# newdoc\nthe O\nriver B-LOC\n\n# newdoc\nshe O\nsang O\n",
    "# id 1f0c-11\tdomain=en\nthe _ _ O\nriver _ _ B-LOC\n\n# id 1f0c-12\tdomain=en\nshe _ _ O\nsang _ _ O\n",
    "# sent_id = 1\n# text = the river\nthe\tO\nriver\tB-LOC\n\n#\n# sent_id = 2\nshe\tO\nsang\tO\n",
    "-DOCSTART- -X- -X- O\n\nthe DT B-NP O\nriver NN I-NP B-LOC\n\n# end of the page\n\nshe PRP B-NP O\nsang VBD B-VP O",
    "#\thttp://a.b/c [2009]\n1\tthe\tO\tO\n2\triver\tB-LOC\tB-LOC\n\n#\thttp://d\n1\tshe\tO\tO\n2\tsang\tO\tO\n",
  ])
  func `Comments before a sentence are no words, and numbers of words neither`(_ text: String) throws {
    let data = try read(text, as: "d.conll", for: .tagging, tolerance: .none)
    #expect(data.texts == ["the|river", "she|sang"])
    #expect(data.answers == Self.tags)
  }

  @Test func `A word may begin with a number sign, and be one within a sentence`() throws {
    let data = try read("#tag O\n# X\n\n1 A\n2 B\n\n3 A", as: "d.conll", for: .tagging, tolerance: .none)
    #expect(data.texts == ["#tag|#", "1|2", "3"])
    #expect(data.answers[0] == .tags([.name("O"), .name("X")]))
  }

  @Test func `The words of CoNLL-U are the forms, without ranges and empty nodes`() throws {
    func row(_ id: String, _ form: String, _ upos: String) -> String {
      [id, form, form.lowercased(), upos, "_", "_", "0", "root", "_", "SpaceAfter=No"].joined(separator: "\t") + "\n"
    }
    let text =
      "# text = Vámonos al mar\n" + row("1-2", "Vámonos", "_") + row("1", "Vamos", "VERB") + row("2", "nos", "PRON")
      + row("2.1", "x", "_") + row("3", "mar", "NOUN") + "\n" + row("1", "Hi", "INTJ")
    let data = try read(text, as: "d.conllu", for: .tagging, tolerance: .none)
    #expect(data.texts == ["Vamos|nos|mar", "Hi"])
    #expect(data.answers[0] == .tags([.name("VERB"), .name("PRON"), .name("NOUN")]))
    let lemmas = try read(text, as: "d.conllu", for: .tagging, columns: [.tags: "lemma"])
    #expect(lemmas.answers[1] == .tags([.name("hi")]))
  }

  @Test func `CoNLL-U Plus names its columns`() throws {
    let text =
      "# global.columns = ID FORM UPOS NER\n1\tthe\tDET\tO\n2\triver\tNOUN\tB-LOC\n\n1\tshe\tX\tO\n2\tsang\tX\tO\n"
    #expect(try read(text, as: "d.conll", for: .tagging).answers == Self.tags)
    let other = try read(text, as: "d.conll", for: .tagging, columns: [.tags: "upos"])
    #expect(other.answers[0] == .tags([.name("DET"), .name("NOUN")]))
  }

  // MARK: - Tables

  @Test(arguments: [
    "text;label\na, b;x\n\"c;\"\"d\"\"\";y\n", "sep=;\ntext;label\na, b;x\n\"c;\"\"d\"\"\";y\n",
    "\u{FEFF}text;label\r\n\"a, b\";x\r\n\"c;\"\"d\"\"\";y\r\n", "text\tlabel\na, b\tx\n\"c;\"\"d\"\"\"\ty\n",
    "text|label\na, b|x\n\"c;\"\"d\"\"\"|y", "Text , LABEL\n\"a, b\", x\n\"c;\"\"d\"\"\",y \n",
    "\"text\",\"label\",\n\"a, b\",x,\n,,\n\"c;\"\"d\"\"\",y,\n,,\n",
    ",text,label\n0,\"a, b\",x,,\n1,\"c;\"\"d\"\"\",y,,\n",
    "price;in;euro,text,label\n1,\"a, b\",x\n2,\"c;\"\"d\"\"\",y\n",
  ])
  func `The heading tells the separator, and case, spaces and empty fields do not count`(_ text: String) throws {
    let data = try read(text, as: "d.csv", for: .classification, tolerance: .none)
    #expect(data.texts == ["a, b", "c;\"d\""])
    #expect(data.answers == [.label(.name("x")), .label(.name("y"))])
  }

  @Test func `A name as it is written comes before one in other case`() throws {
    let data = try read("Sentence,Text,text,label\na,b,c,x\n", as: "d.csv", for: .classification)
    #expect(data.texts == ["c"])
  }

  @Test func `Two columns of the name that is read are an error, others are not`() throws {
    #expect(
      message { _ = try read("text,label,label\na,x,y\n", as: "d.csv", for: .classification) }
        == "d.csv: two columns are called 'label', and one of them is read. Rename the other, or name another column.")
    #expect(try read("text,label,id,id\na,x,1,2\n", as: "d.csv", for: .classification).texts == ["a"])
  }

  @Test func `A column that is missing is told with the nearest that was found`() {
    #expect(
      message { _ = try read("texts,label\na,x\n", as: "d.csv", for: .regression) }
        == "d.csv: no column for the text: looked for 'text', 'question', 'sentence', 'sentence1', 'premise', 'question1', 'content', "
        + "found 'texts', 'label'. Did you mean 'texts'? Then name it: --column text=texts.")
    #expect(
      message { _ = try read("text,label\na,x\n", as: "d.tsv", for: .regression) }?.hasSuffix(
        "found 'text,label'. Only one column was found: are they separated by ','? Then it is CSV: name the file so, or "
          + "the format.") == true)
  }

  @Test(arguments: [
    "['x', \"y's\", None]", "[True False\n True]", "[0 1 0]", "['a\\'b', 'c\\\\']",
  ])
  func `Lists as Python prints them are read`(_ cell: String) throws {
    let expected: [String: [JSONValue]] = [
      "['x', \"y's\", None]": [.string("x"), .string("y's"), .null],
      "[True False\n True]": [.bool(true), .bool(false), .bool(true)],
      "[0 1 0]": [.integer(0), .integer(1), .integer(0)], "['a\\'b', 'c\\\\']": [.string("a'b"), .string("c\\")],
    ]
    #expect(PrintedList(cell).value == .array(try #require(expected[cell])))
    for broken in [String(cell.dropLast()), cell + "x", "[x]", "['a' b]"] { #expect(PrintedList(broken).value == nil) }
  }

  @Test func `Cells with printed lists are tags and labels`() throws {
    let data = try read(
      "tokens,ner_tags\n\"['a', 'b']\",\"['O', 'B-X']\"\n\"['c']\",[1]\n", as: "d.csv", for: .tagging, tolerance: .none)
    #expect(data.texts == ["a|b", "c"])
    #expect(data.answers == [.tags([.name("O"), .name("B-X")]), .tags([.number(1)])])
  }

  // MARK: - JSON

  @Test(arguments: [
    "[{\"text\": \"a ]}\\\" [\", \"label\": \"x\"}, {\"text\": \"b\", \"label\": [\"y\"]}, {\"text\": \"c\", \"label\": \"z\"}]",
    "\n[\n  {\n    \"text\": \"a ]}\\\" [\",\n    \"label\": \"x\"\n  },\n  {\"text\": \"b\",\n \"label\": {}},\n"
      + "  {\"text\": \"c\", \"label\": \"z\"},\n]\n",
  ])
  func `An array of objects is read like objects in lines`(_ text: String) throws {
    let data = try read(text, as: "d.json", for: .classification)
    #expect(data.texts == ["a ]}\" [", "c"])
    #expect(data.faults.count == 1)
  }

  @Test func `Questions of SQuAD stand in the paragraphs of articles`() throws {
    let text = """
      {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "a b", "qas": [{"question": "q", "id": "1", \
      "answers": [{"text": "b", "answer_start": 2}], "is_impossible": false}, {"question": "r", "id": "2", "answers": [], \
      "plausible_answers": [{"text": "a", "answer_start": 0}], "is_impossible": true}]}]}, {"paragraphs": [{"context": \
      "c", "qas": [{"question": "s", "answers": [{"text": "c", "answer_start": 0}]}]}]}]}
      """
    let data = try read(text, as: "train-v2.0.json", for: .questionAnswering, tolerance: .none)
    #expect(data.texts == ["q|a b", "r|a b", "s|c"])
    #expect(
      data.answers == [
        .answers([AnswerSpan(text: "b", range: 2..<3)]), .answers([]), .answers([AnswerSpan(text: "c", range: 0..<1)]),
      ])
    let plain = try read(
      "{\"data\": [{\"text\": \"a\", \"label\": \"x\"}, {\"text\": \"b\", \"label\": \"y\"}]}", as: "d.json",
      for: .classification)
    #expect(plain.texts == ["a", "b"])
  }

  @Test func `An object over several lines is one record, and a line that is cut off is a fault of its own`() throws {
    let text =
      "{\n \"data\": [\n  {\"text\": \"a }\", \"label\": \"x\"},\n  {\"text\": \"b\", \"label\": \"y\"}\n ]\n}\n"
    #expect(try read(text, as: "d.json", for: .classification).texts == ["a }", "b"])
    let cut = try read("{\"text\": \"a\n{\"text\": \"b\", \"label\": \"y\"}\n", as: "d.jsonl", for: .classification)
    #expect(cut.texts == ["b"] && cut.faults.count == 1)
  }

  @Test func `Elements of an array have the lines where they begin`() throws {
    let data = try read(
      "[\n{\"text\": \"a\",\n \"label\": \"x\"},\n3,\n {\"text\": \"b\", \"label\": 0.5}\n]", as: "d.json",
      for: .classification)
    #expect(data.examples.map(\.line) == [2])
    #expect(
      data.reasons == [
        "4: expected a JSON object, found the number 3.",
        "5: 'label' must be a label's name or number, found the number 0.5.",
      ])
  }

  @Test func `An array that is cut off, or goes on, is an error`() {
    let one = "[\n{\"text\": \"a\", \"label\": \"x\"}"
    #expect(
      message { _ = try read(one, as: "d.json", for: .classification) }
        == "d.json, line 2: the file ends before the JSON array does.")
    #expect(
      message { _ = try read(one + "]\n{}", as: "d.json", for: .classification) }
        == "d.json, line 3: something stands after the array.")
  }

  // MARK: - Bytes

  private func refusal(of bytes: [UInt8], as name: String) throws -> String? {
    let folder = try TemporaryFolder()
    try Data(bytes).write(to: URL(filePath: folder.path(name)))
    return message { _ = try SourceData(path: folder.path(name), for: .classification) }
  }

  @Test func `UTF-16 is called by its name, with a byte order mark or without`() throws {
    let text = "text,label\na,x\n"
    let little = text.utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let big = text.utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
    for bytes in [[0xFF, 0xFE] + little, [0xFE, 0xFF] + big, little, big] {
      #expect(
        try refusal(of: bytes, as: "d.csv")
          == "d.csv: the file is UTF-16 text, and data are read as UTF-8 text; convert it, for example with "
          + "iconv -f UTF-16 -t UTF-8.")
    }
    #expect(try refusal(of: Array(text.utf8), as: "d.csv") == nil)
  }

  @Test func `What is no text is called by its name`() throws {
    #expect(try refusal(of: [0x1F, 0x8B, 8, 0], as: "d.jsonl")?.contains("its compressed data end early") == true)
    #expect(try refusal(of: Array("PAR1xx".utf8), as: "d.csv")?.contains("a Parquet file") == true)
    #expect(try refusal(of: Array("PK\u{3}\u{4}xx".utf8), as: "d.csv")?.contains("a spreadsheet") == true)
  }

  @Test func `A heading that cannot be read is an error, for no column has a name then`() throws {
    let bytes = Array("text,".utf8) + [0xE9] + Array("tiquette\na,x\nb,y\n".utf8)
    #expect(
      try refusal(of: bytes, as: "d.csv")?.hasPrefix(
        "d.csv, line 1: the heading cannot be read: the text is not UTF-8 (byte 0xE9 after 0 characters).") == true)
  }

  @Test func `A byte of another encoding is told with its place, and its record is left out`() throws {
    let folder = try TemporaryFolder()
    let bytes = Array("text,label\ncaf".utf8) + [0xE9] + Array(" noir,a\n".utf8) + Array("thé,b\n".utf8)
    try Data(bytes).write(to: URL(filePath: folder.path("d.csv")))
    let data = try SourceData(path: folder.path("d.csv"), for: .classification)
    #expect(data.texts == ["thé"])
    #expect(data.reasons.first?.hasPrefix("2: the text is not UTF-8 (byte 0xE9 after 3 characters).") == true)
  }
}
