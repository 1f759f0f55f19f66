import AdapterHost
import Foundation
import TestSupport
import Testing

@Suite struct PredictCommandTests {
  @Test func `In a pipe an answer is a line of JSON with all heads together`() throws {
    let result = try CommandLineTool.run("predict", "A linux kernel", "")
    #expect(result.exitCode == 0)
    #expect(result.messages == "")
    #expect(result.lines.count == 2)
    #expect(
      result.lines[0].hasPrefix(#"{"index": 0, "text": "A linux kernel", "heads": {"debian-section": {"label": ""#))
    for (index, line) in result.lines.enumerated() {
      let fields = try ConfigurationFields(JSONValue(Data(line.utf8), file: "line"), file: "line")
      #expect(fields.members.keys.sorted() == ["heads", "index", "text"])
      #expect(fields.members["index"] == .integer(index))
      let heads = try #require(try fields.object("heads"))
      #expect(heads.members.keys.sorted() == ["debian-facets", "debian-section", "truecase", "wordnet-domain"])
      #expect(try heads.object("debian-section")?.members.keys.sorted() == ["label", "score"])
      #expect(try heads.object("debian-facets")?.members.keys.sorted() == ["labels", "scores"])
      #expect(try heads.object("debian-facets")?.object("scores")?.members.count == 12)
      guard case .array(let spans) = heads.members["truecase"].flatMap(\.spans) else {
        Issue.record("no spans")
        return
      }
      #expect(spans.count == (index == 0 ? 3 : 0))
      for case .object(let span) in spans {
        #expect(span.keys.sorted() == ["end", "label", "score", "start", "text"])
      }
    }
    let scored = try CommandLineTool.run("predict", "--scores", "--setup", "debian-section", "A linux kernel").lines[0]
    #expect(scored.contains(#""scores": {"desktop": 0."#))
  }

  @Test func `Many texts keep their order`() throws {
    let texts = (0..<3000).map { "number \($0) " + String(repeating: "word ", count: $0 % 13) }
    let result = try CommandLineTool.run(
      "predict", "--setup", "wordnet-domain", input: texts.joined(separator: "\n") + "\n")
    #expect(result.lines.count == 3000)
    for (index, line) in result.lines.enumerated() {
      #expect(line.hasPrefix("{\"index\": \(index), \"text\": \"\(texts[index])\", "))
    }
  }

  @Test func `Lines that cannot be read are told with their numbers, and the others are answered`() throws {
    let bytes = Data("good\n".utf8) + Data([0xFF, 0x0A]) + Data("\nlast".utf8)
    let result = try CommandLineTool.run(["predict", "--setup", "wordnet-domain"], input: bytes)
    #expect(result.exitCode == 1)
    #expect(result.messages == "line 2: is not UTF-8.\nError: 1 text has no answer.\n")
    #expect(result.lines.map { String($0.prefix(12)) } == ["{\"index\": 0,", "{\"index\": 2,", "{\"index\": 3,"])
  }

  @Test func `Lines of JSON choose adapters, and their ids come back`() throws {
    let input = """
      {"text": "a small animal", "adapter": "truecase", "id": {"n": 1}}
      {"text": "a small animal", "adapter": "truecas"}
      {"text": "a small animal", "pair": "b"}
      {"text": 5}
      """
    let result = try CommandLineTool.run("predict", "--setup", "wordnet-domain", input: input)
    #expect(result.exitCode == 1)
    #expect(
      result.messages == """
        line 2: No adapter is called 'truecas', neither among those given with --adapter nor among those registered for \
        deberta-v3-tiny-en; did you mean 'truecase'?
        line 4: 'text' must be a string, found the number 5.
        Error: 2 texts have no answer.

        """)
    let alone = try CommandLineTool.run("predict", "--setup", "truecase", "a small animal").lines
    #expect(result.lines.count == 2)
    #expect(result.lines[0] == alone[0].replacing("\"index\": 0, ", with: "\"index\": 0, \"id\": {\"n\": 1}, "))
    #expect(
      result.lines[1].hasPrefix(#"{"index": 2, "text": "a small animal", "pair": "b", "heads": {"wordnet-domain""#))
  }

  @Test func `A megabyte in a line is answered, and what was cut off is counted`() throws {
    let text = String(repeating: "some words in a very long line ", count: 33_000)
    let result = try CommandLineTool.run(
      "predict", "--setup", "wordnet-domain", "--max-length", "64", input: "short\n\(text)\n")
    #expect(result.exitCode == 0)
    #expect(result.lines.count == 2)
    #expect(!result.lines[0].contains("truncated"))
    let fields = try ConfigurationFields(JSONValue(Data(result.lines[1].utf8), file: ""), file: "")
    #expect(fields.members["text"] == .string(text))
    #expect(try fields.integer("truncated", in: 0...10_000_000) ?? 0 > 200_000)
  }

  @Test func `Without a limit texts are read as far as the model's layers reach, and that is said first`() throws {
    let text = String(repeating: "word ", count: 2100)
    let result = try CommandLineTool.run(
      "predict", "--setup", "wordnet-domain", "--max-length", "0", input: "\(text)\nshort\n")
    #expect(result.exitCode == 0)
    #expect(
      result.messages == "Texts are cut at 2045 tokens, beyond which this model's layers cannot tell all distances; a "
        + "larger --max-length reads on.\n")
    #expect(result.lines.count == 2)
    #expect(result.lines[0].hasSuffix("\"truncated\": 57}") && !result.lines[1].contains("truncated"))
  }

  @Test func `Texts longer than the model's layers reach are answered with an advice, once`() throws {
    let text = String(repeating: "word ", count: 2100)
    let result = try CommandLineTool.run(
      "predict", "--setup", "wordnet-domain", "--max-length", "9000", input: "\(text)\n\(text)\n")
    #expect(result.exitCode == 0)
    #expect(
      result.messages == "line 1: the text has 2102 tokens; beyond 2045 this model's layers cannot tell all distances. "
        + "--max-length cuts texts.\n")
    let pair = try CommandLineTool.run(
      ["predict", "--setup", "wordnet-domain", "--max-length", "9000"],
      input: Data(#"{"text": "a", "pair": "\#(text)"}"#.utf8))
    #expect(pair.messages.hasPrefix("line 1: the text with its pair has 2104 tokens; beyond 2045 "))
  }

  @Test func `The pieces for each mask are told, and once that a text has none`() throws {
    let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
    // Outside the package no registry has an active setup.
    let outside = try TemporaryFolder()
    func run(_ texts: String...) throws -> CommandLineTool.Result {
      try CommandLineTool.run(["predict", "--model", base] + texts, in: outside.path)
    }
    let result = try run("[MASK] library for Python")
    #expect(result.exitCode == 0 && result.messages.isEmpty)
    let fields = try ConfigurationFields(JSONValue(Data(result.lines[0].utf8), file: "line"), file: "line")
    let head = try #require(try fields.object("heads")?.object("default"))
    guard case .array(let masks)? = head.members["masks"], case .object(let mask)? = masks.first,
      case .array(let predictions)? = mask["predictions"]
    else {
      Issue.record("no masks")
      return
    }
    #expect(masks.count == 1 && mask["token"] == .integer(1) && predictions.count == 5)
    for case .object(let prediction) in predictions {
      #expect(prediction.keys.sorted() == ["filled", "id", "piece", "score", "text"])
    }
    let none = try run("one text", "another text")
    #expect(none.exitCode == 1)
    #expect(
      none.messages == "line 1: the text has no [MASK], and nothing else is answered by 'default'. Name an adapter "
        + "that has a head with --setup or --adapter, or activate one.\nError: 2 texts have no answer.\n")
  }

  @Test func `A head that a text gives no context is left out, which is told once`() throws {
    let folder = try TemporaryFolder()
    var model = try DebertaV2AdapterModel(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
    try model.addAdapter("qa", configuration: "lora", seed: 1)
    try model.addHead("qa", HeadSettings(.questionAnswering, labels: ["start", "end"]), seed: 1)
    try model.saveAdapter("qa", to: folder.path("qa"))
    func run(_ setup: String, _ texts: String...) throws -> CommandLineTool.Result {
      try CommandLineTool.run(["predict", "--adapter", "qa=\(folder.path("qa"))", "--setup", setup] + texts)
    }
    let lack = """
      line 1: The head 'qa' answers questions from a context. Give both, in a line of the input or in a request: \
      {"question": "...", "context": "..."}.
      """
    let result = try run("Parallel(debian-section, qa)", "a library", "a kernel")
    #expect(result.exitCode == 0 && result.messages == lack + " The other heads answer.\n")
    #expect(try result.lines == run("debian-section", "a library", "a kernel").lines)
    let none = try run("qa", "a library")
    #expect(none.exitCode == 1 && none.messages == lack + "\nError: 1 text has no answer.\n")
  }

  @Test func `Verbose tells what was loaded`() throws {
    let result = try CommandLineTool.run("predict", "--verbose", "--setup", "truecase", "a")
    let lines = result.messages.split(separator: "\n")
    #expect(lines.count == 2)
    #expect(lines[0].hasPrefix("Loaded deberta-v3-tiny-en with truecase (double_seq_bn), "))
    #expect(lines[1].hasPrefix("Answered 1 text, 3 tokens in "))
  }

  @Test func `Each answer is there before the next text is asked for`() throws {
    let process = try CommandLineTool.process(["predict", "--setup", "wordnet-domain"])
    let (input, output) = (CommandLineTool.pipe(), CommandLineTool.pipe())
    process.standardInput = input.reading
    process.standardOutput = output.writing
    try process.run()
    for index in 0..<3 {
      try input.writing.write(contentsOf: Data("text \(index)\n".utf8))
      let line = String(decoding: output.reading.availableData, as: UTF8.self)
      #expect(line.hasPrefix("{\"index\": \(index), \"text\": \"text \(index)\""))
      #expect(line.hasSuffix("\n"))
    }
    try input.writing.close()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
  }

  /// A signal that is ignored here is ignored by what is started here.
  private static let signals = [Int32(SIGINT), Int32(SIGTERM)].filter { number in
    let handler = signal(number, SIG_DFL)
    signal(number, handler)
    return unsafeBitCast(handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self)
  }

  @Test(arguments: signals)
  func `A signal ends a long job with whole lines`(_ signal: Int32) throws {
    let folder = try TemporaryFolder()
    try folder.write(String(repeating: "some more words in a line of text\n", count: 500_000), as: "texts")
    try folder.write("", as: "answers")
    let process = try CommandLineTool.process(["predict", "--setup", "wordnet-domain", "--input", folder.path("texts")])
    process.standardOutput = FileHandle(forWritingAtPath: folder.path("answers"))
    process.standardError = FileHandle.nullDevice
    try process.run()
    func answers() throws -> Data { try Data(contentsOf: URL(filePath: folder.path("answers"))) }
    let deadline = Date().addingTimeInterval(30)
    while try answers().isEmpty, Date() < deadline { usleep(20_000) }
    kill(process.processIdentifier, signal)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 128 + signal)
    let lines = try answers().split(separator: UInt8(ascii: "\n"))
    #expect(try answers().last == UInt8(ascii: "\n"))
    for (index, line) in lines.enumerated() {
      let value = try JSONValue(Data(line), file: "line \(index + 1)")
      guard case .object(let members) = value else {
        Issue.record("no object")
        return
      }
      #expect(members["index"] == .integer(index))
    }
  }

  @Test func `A reader that goes away ends the job quietly`() throws {
    let process = try CommandLineTool.process(["predict", "--setup", "wordnet-domain"])
    let (input, output, messages) = (CommandLineTool.pipe(), CommandLineTool.pipe(), CommandLineTool.pipe())
    process.standardInput = input.reading
    process.standardOutput = output.writing
    process.standardError = messages.writing
    try process.run()
    try messages.writing.close()
    try output.reading.close()
    try? input.writing.write(contentsOf: Data("text\n".utf8))
    process.waitUntilExit()
    #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGPIPE)
    #expect(messages.reading.availableData.isEmpty)
  }
}

@Suite struct TokenizeCommandTests {
  @Test func `Tokens come with ids and offsets`() throws {
    let result = try CommandLineTool.run("tokenize", "A library.", "")
    #expect(result.exitCode == 0)
    #expect(
      result.lines == [
        #"{"index": 0, "ids": [1, 295, 359, 260, 2], "tokens": ["[CLS]", "▁A", "▁library", ".", "[SEP]"], "#
          + #""offsets": [[0, 0], [0, 1], [2, 9], [9, 10], [0, 0]]}"#,
        #"{"index": 1, "ids": [1, 2], "tokens": ["[CLS]", "[SEP]"], "offsets": [[0, 0], [0, 0]]}"#,
      ])
  }

  @Test func `Pairs have types, cut texts a count, bad lines a number`() throws {
    let input = "{\"text\": \"A library.\", \"pair\": \"A\", \"id\": 7}\n{}\n"
    let result = try CommandLineTool.run("tokenize", "--max-length", "6", input: input)
    #expect(result.exitCode == 1)
    #expect(
      result.messages == "line 2: the key 'text' is missing, and it has no default.\nError: 1 text has no answer.\n")
    #expect(
      result.lines == [
        #"{"index": 0, "id": 7, "ids": [1, 295, 359, 2, 295, 2], "tokens": ["[CLS]", "▁A", "▁library", "[SEP]", "▁A", "[SEP]"], "#
          + #""offsets": [[0, 0], [0, 1], [2, 9], [0, 0], [0, 1], [0, 0]], "token_type_ids": [0, 0, 0, 0, 1, 1], "truncated": 1}"#
      ])
  }

  @Test func `The fast variant differs where a character has no piece`() throws {
    let slow = try CommandLineTool.run("tokenize", "\u{A66E}").lines
    let fast = try CommandLineTool.run("tokenize", "--tokenizer", "fast", "\u{A66E}").lines
    #expect(slow != fast)
    #expect(fast[0].contains("[UNK]"))
  }
}

extension JSONValue {
  fileprivate var spans: JSONValue? { if case .object(let members) = self { members["spans"] } else { nil } }
}
