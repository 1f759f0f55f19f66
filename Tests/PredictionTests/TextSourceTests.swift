import Foundation
import TestSupport
import Testing

@testable import AdapterHost

@Suite struct TextSourceTests {
  private func read(_ bytes: [UInt8], format: TextSource.Format = .auto) throws -> [String] {
    let folder = try TemporaryFolder()
    try Data(bytes).write(to: URL(filePath: folder.path("input")))
    var source = try TextSource(path: folder.path("input"), format: format)
    var items: [String] = []
    while let item = try source.next() {
      switch item {
      case .success(let input): items.append("\(input.index) \(input.text)" + (input.pair.map { "|\($0)" } ?? ""))
      case .failure(let failure): items.append(failure.description)
      }
    }
    #expect(try !source.isReady())
    return items
  }

  private func read(_ text: String, format: TextSource.Format = .auto) throws -> [String] {
    try read(Array(text.utf8), format: format)
  }

  @Test func `Every line is a text, the empty ones too`() throws {
    #expect(try read("a\n\n b \r\nc") == ["0 a", "1 ", "2  b ", "3 c"])
    #expect(try read("") == [])
    #expect(try read("\n") == ["0 "])
    #expect(try read("\n \na\n") == ["0 ", "1 ", "2 a"])
    #expect(try read(Array("\n".utf8) + [0xFF]) == ["0 ", "line 2: is not UTF-8."])
    #expect(try read("\u{FEFF}a\n\u{FEFF}b") == ["0 a", "1 \u{FEFF}b"])
  }

  @Test func `Bytes that are not UTF-8 are told with their line`() throws {
    #expect(try read([0x61, 0x0A, 0xFF, 0x0A, 0x62]) == ["0 a", "line 2: is not UTF-8.", "2 b"])
    #expect(
      try read(Array("{\"text\": \"".utf8) + [0xC3, 0x28] + Array("\"}\n{\"text\": \"b\"}".utf8))
        == ["line 1: the JSON is not UTF-8.", "1 b"])
  }

  @Test(arguments: ["[\n {\"text\": \"a\"}\n]\n", "[\"a\", \"b\"]", "\n [{\"text\": \"a\"}]"])
  func `Lines of a JSON array are no texts`(_ text: String) throws {
    #expect(throws: TextSourceError.array) { try read(text) }
    #expect(try !read(text, format: .text).isEmpty)
  }

  @Test(arguments: ["[1] A footnote.", "[MASK] is here", "[1, 2]", "[]"])
  func `A text may begin with a bracket`(_ text: String) throws { #expect(try read(text) == ["0 " + text]) }

  @Test func `JSON Lines are known by their first line`() throws {
    #expect(
      try read("\n  {\"text\": \"a\", \"pair\": \"b\"}\n\nx\n") == [
        "1 a|b", "line 4: the JSON has 'x' at byte 0, where a value is expected.",
      ])
    #expect(try read("a\n{\"text\": \"b\"}\n") == ["0 a", "1 {\"text\": \"b\"}"])
    #expect(try read("{\"text\": \"a\"}", format: .text) == ["0 {\"text\": \"a\"}"])
    #expect(try read("a", format: .jsonl) == ["line 1: the JSON has 'a' at byte 0, where a value is expected."])
  }

  @Test(arguments: [
    (#"{"text": 5}"#, "'text' must be a string, found the number 5."),
    (#"{}"#, "the key 'text' is missing, and it has no default."),
    (#"[]"#, "expected an object, found a list."),
    (#"{"text": "a", "pair": []}"#, "'pair' must be a string, found a list."),
    (
      #"{"text": "a", "adapter": "Stack("}"#,
      "The setup 'Stack(' cannot be read: expected the name of an adapter or block at character 7."
    ),
    (#"{"text": "a""#, "the JSON ends too early."),
    (#"{"text": "a", "text": "b"}"#, "the JSON has the key 'text' twice in one object."),
  ])
  func `A line of the wrong form is told with the reason`(_ line: String, _ reason: String) throws {
    #expect(
      try read("{\"text\": \"good\"}\n\(line)\n{\"text\": \"good\"}", format: .jsonl) == [
        "0 good", "line 2: \(reason)", "2 good",
      ])
  }

  @Test func `A line as long as any text is one text`() throws {
    let long = String(repeating: "word ", count: 200_000)
    #expect(try read("a\n\(long)\nb") == ["0 a", "1 \(long)", "2 b"])
  }

  @Test func `A line beyond the limit is passed over`() throws {
    let long = String(repeating: "x", count: Limits.lineBytes + 70_000)
    #expect(
      try read("a\n\(long)\nb\n\(long)") == [
        "0 a", "line 2: is longer than 4000000 bytes; split the text.", "2 b",
        "line 4: is longer than 4000000 bytes; split the text.",
      ])
  }

  @Test func `Blank lines before the first text are counted, not kept`() throws {
    let blank = String(repeating: "\n", count: 200_000)
    let texts = try read(blank + "x\ny")
    #expect(texts.count == 200_002)
    #expect(texts.suffix(3) == ["199999 ", "200000 x", "200001 y"])
    #expect(try read(blank + #"{"text": "x"}"#) == ["200000 x"])
  }

  @Test func `A first line that is too long still shows the format`() throws {
    let long = String(repeating: "x", count: Limits.lineBytes)
    let fault = "line 2: is longer than 4000000 bytes; split the text."
    #expect(try read("\n{\"text\": \"\(long)\"}\n{\"text\": \"b\"}\n") == [fault, "2 b"])
    #expect(try read("\nx\(long)\n{\"text\": \"b\"}\n") == ["0 ", fault, "2 {\"text\": \"b\"}"])
  }

  /// Holes of a sparse file are read as zeros.
  @Test func `Input without the end of a line is an error in the end`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("", as: "zeros")
    #expect(truncate(path, off_t(Limits.endlessLineBytes) + 10_000_000) == 0)
    #expect(
      message {
        var source = try TextSource(path: path)
        while try source.next() != nil {}
      } == "\(path): no line ends within 200000000 bytes; expected a text, or a JSON object, on each line.")
  }

  @Test func `A file that is not there is an error`() {
    #expect(
      message { _ = try TextSource(path: "/no/such/file") }
        == "/no/such/file: texts cannot be read from it (No such file or directory).")
    #expect(
      message {
        var source = try TextSource(path: "/tmp")
        _ = try source.next()
      } == "/tmp: texts cannot be read from it (Is a directory).")
  }

  @Test func `What has not come yet is not ready`() throws {
    let pipe = Pipe()
    var source = try TextSource(path: "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)")
    #expect(try !source.isReady())
    try pipe.fileHandleForWriting.write(contentsOf: Data("half".utf8))
    #expect(try !source.isReady())
    try pipe.fileHandleForWriting.write(contentsOf: Data(" a line\nand".utf8))
    #expect(try source.isReady())
    #expect(try source.next()?.get().text == "half a line")
    #expect(try !source.isReady())
    try pipe.fileHandleForWriting.close()
    #expect(try source.next()?.get().text == "and")
    #expect(try source.next() == nil)
  }

  private func inputs(_ content: String, as name: String, _ columns: DataColumns = [:]) throws -> [TextInput] {
    let folder = try TemporaryFolder()
    try Data(content.utf8).write(to: URL(filePath: folder.path(name)))
    var source = try TextSource(path: folder.path(name), columns: columns)
    var inputs: [TextInput] = []
    while let item = try source.next() { inputs.append(try item.get()) }
    return inputs
  }

  @Test func `A JSON array holds the objects of lines`() throws {
    let array = "[\n {\"text\": \"a\", \"pair\": \"\"},\n {\"tokens\": [\"b\", \"c\"], \"id\": 7}\n]\n"
    let found = try inputs(array, as: "a.json")
    #expect(found.map(\.text) == ["a", "b c"] && found.map(\.index) == [0, 1])
    #expect(found[0].pair == "" && found[1].words == ["b", "c"] && found[1].id == .integer(7))
    #expect(try inputs("{\"text\": \"t\"}\n{\"text\": \"u\"}\n", as: "b.json").map(\.text) == ["t", "u"])
  }

  @Test(arguments: [false, true])
  func `A file of SQuAD holds questions with their contexts`(_ isIndented: Bool) throws {
    let line = """
      {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "a {b", "qas": [{"question": "q", "id": "1", \
      "answers": [{"text": "b", "answer_start": 2}]}, {"question": "r", "id": "2", "answers": []}]}]}]}
      """
    let document = isIndented ? try JSONValue(Data(line.utf8), file: "").indented : line
    #expect(document.contains("\n") == isIndented)
    let found = try inputs(document, as: "dev-v2.0.json")
    #expect(found.map(\.text) == ["q", "r"] && found.map(\.pair) == ["a {b", "a {b"])
    #expect(found.map(\.id) == [.string("1"), .string("2")])
  }

  @Test func `Columns of CoNLL hold sentences of words`() throws {
    let found = try inputs("EU B-ORG\nrejects O\n\nPeter B-PER\n", as: "a.conll")
    #expect(found.map(\.words) == [["EU", "rejects"], ["Peter"]] && found[0].text == "EU rejects")
  }

  @Test func `Members of JSON Lines may be named, and what a file has is told`() throws {
    let lines = "{\"review\": \"good\"}\n{\"review\": \"bad\"}\n"
    #expect(try inputs(lines, as: "a.jsonl", [.text: "review"]).map(\.text) == ["good", "bad"])
    #expect(message { _ = try inputs(lines, as: "a.json") }?.contains("'review'") == true)
    #expect(message { _ = try inputs(lines, as: "a.jsonl", [.text: "title"]) }?.contains("'review'") == true)
  }

  @Test func `A compressed table is read as one`() throws {
    let folder = try TemporaryFolder()
    for (name, content) in [
      ("a.csv.gz", "H4sIAAAAAAACAytJrSjRyUlMSs3hSlQoyixLLdKpALIyMnNydCq5ANBbsj8eAAAA"),
      (
        "a.csv.xz",
        "/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAddGV4dCxsYWJlbAphIHJpdmVyLHgKYSBoaWxsLHkKAAAANYmGb6R044IAATYePRmVUx+2830BAAAAAARZWg=="
      ),
    ] {
      try #require(Data(base64Encoded: content)).write(to: URL(filePath: folder.path(name)))
      var source = try TextSource(path: folder.path(name))
      #expect(try source.next()?.get().text == "a river")
      #expect(try source.next()?.get().text == "a hill")
      #expect(try source.next() == nil)
    }
    var lines = try TextSource(path: folder.path("a.csv.xz"), format: .text)
    #expect(try lines.next()?.get().text == "text,label")
  }
}
