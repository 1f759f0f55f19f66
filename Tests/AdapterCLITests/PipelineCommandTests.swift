import AdapterHost
import Foundation
import TestSupport
import Testing

/// The commands and options that pipelines have in Python.
@Suite struct PipelineCommandTests {
  private let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path

  private func run(_ arguments: String..., input: String = "") throws -> CommandLineTool.Result {
    try CommandLineTool.run(arguments, input: Data(input.utf8))
  }

  /// The folder of a fresh head.
  private func head(_ settings: HeadSettings, in folder: TemporaryFolder) throws -> String {
    var model = try DebertaV2AdapterModel(folder: base)
    try model.addHead("own", settings, seed: 1)
    try model.saveHead("own", to: folder.path("own"))
    return folder.path("own")
  }

  @Test(arguments: [
    ["--aggregation", "simple"], ["--ignore-labels=O"], ["--stride", "4"], ["--no-answer"], ["--no-align-to-words"],
    ["--max-answer-length", "3"], ["--targets", "▁cat"], ["--threshold", "0.5"],
  ])
  func `An option that no head is affected by is refused by its name`(_ option: [String]) throws {
    let result = try CommandLineTool.run(["predict", "--setup", "debian-section"] + option + ["a text"])
    #expect(result.exitCode == 1)
    let name = option[0].split(separator: "=")[0]
    #expect(result.messages.hasPrefix("Error: \(name) is for "), "\(result.messages)")
    #expect(result.messages.contains("'debian-section' (classification)"))
    #expect(result.lines.isEmpty)
  }

  @Test(arguments: [
    ["--top-k", "0"], ["--stride", "-1"], ["--hypothesis-template", "It is {}."], ["--multi-label"],
    ["--zero-shot", "a,b", "--hypothesis-template", "It is."], ["--zero-shot", "a,a"], ["--aggregation", "last"],
  ])
  func `An option that makes no sense is wrong usage`(_ option: [String]) throws {
    #expect(try CommandLineTool.run(["predict"] + option + ["a text"]).exitCode == 64)
  }

  @Test func `The best labels are given, highest first, by another function too`() throws {
    let all = try run("predict", "--json", "--setup", "debian-section", "--top-k", "3", "a linux kernel").lines[0]
    #expect(all.contains(#""scores": {"utils": "#) && all.matches(of: /: 0\./).count == 4)
    let raw = try run(
      "predict", "--json", "--setup", "debian-section", "--top-k", "1", "--function-to-apply", "none", "a linux kernel")
    #expect(raw.lines[0].contains(/"label": "utils", "score": [1-9]/))
  }

  @Test func `Nothing is ignored by an empty list`() throws {
    let folder = try TemporaryFolder()
    let tags = try head(HeadSettings(.tagging, labels: ["O", "B-X", "I-X"]), in: folder)
    func spans(_ options: String...) throws -> Int {
      let line = try CommandLineTool.run(
        [
          "predict", "--json", "--model", base, "--head", "own=\(tags)", "--active-heads", "own", "--aggregation",
          "none",
        ]
          + options + ["a small library"]
      ).lines[0]
      return line.matches(of: /"start"/).count
    }
    #expect(try spans("--ignore-labels=") == 3)
    #expect(try spans("--ignore-labels=O,B-X,I-X") == 0)
  }

  @Test func `Vectors are lines of JSON or an array of NumPy`() throws {
    let folder = try TemporaryFolder()
    let texts = try folder.write("a small library\nany of numerous rodents\n", as: "texts.txt")
    let lines = try run("embed", "--json", "--model", base, "--input", texts, "--normalize").lines
    let size = try DebertaV2AdapterModel(folder: base).configuration.hiddenSize
    let vectors = try lines.map { line -> [Float] in
      struct Line: Decodable { let index: Int, embedding: [Float] }
      return try JSONDecoder().decode(Line.self, from: Data(line.utf8)).embedding
    }
    #expect(vectors.count == 2 && vectors.allSatisfy { $0.count == size })
    let path = folder.path("v.npy")
    let result = try run("embed", "--model", base, "--input", texts, "--normalize", "--output", path)
    #expect(result.exitCode == 0 && result.output == "")
    let bytes = try Data(contentsOf: URL(filePath: path))
    let header = Int(bytes[8]) + Int(bytes[9]) << 8
    #expect(bytes.starts(with: [0x93] + Array("NUMPY".utf8) + [1, 0]) && (10 + header) % 64 == 0)
    #expect(
      String(decoding: bytes[10..<10 + header], as: UTF8.self).hasPrefix(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, \(size)), }"))
    let values = bytes[(10 + header)...].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(values == vectors.flatMap { $0 })
  }

  @Test func `An array is not written if a text has no vector`() throws {
    let folder = try TemporaryFolder()
    let result = try CommandLineTool.run(
      ["embed", "--model", base, "--output", folder.path("v.npy")], input: Data("good\n".utf8) + Data([0xFF, 0x0A]))
    #expect(result.exitCode == 1 && result.messages.hasPrefix("line 2: "))
    #expect(!FileManager.default.fileExists(atPath: folder.path("v.npy")))
    #expect(try run("embed", "--model", base, "--output", folder.path("v.txt"), "a").exitCode == 64)
  }

  @Test func `The most similar text is the query itself`() throws {
    let texts = "any of numerous rodents\na small library\nreads files\n"
    let result = try run("similar", "--json", "--model", base, "--query", "a small library", input: texts)
    #expect(result.lines.count == 3)
    #expect(result.lines[0] == #"{"index": 1, "text": "a small library", "score": 1.0}"#)
    let best = try run("similar", "--model", base, "--query", "a small library", "--top-k", "1", input: texts)
    #expect(best.lines == [result.lines[0]])
    let pairs = try run(
      "similar", "--model", base,
      input: #"{"text": "a", "pair": "a"}"# + "\n" + #"{"text": "a", "pair": "rodents of the sea"}"#
        + "\n{\"text\": \"b\"}\n")
    #expect(pairs.lines.count == 2 && pairs.lines[0] == #"{"index": 0, "text": "a", "pair": "a", "score": 1.0}"#)
    #expect(pairs.exitCode == 1 && pairs.messages.hasPrefix("line 3: there is no pair"))
  }

  @Test func `Texts are ranked by a head of one output, and by no other`() throws {
    let folder = try TemporaryFolder()
    let ranker = try head(HeadSettings(.classification, labels: ["score"]), in: folder)
    let texts = ["any of numerous rodents", "a small library", "reads files", "a small library"]
    func run(_ arguments: String...) throws -> CommandLineTool.Result {
      try CommandLineTool.run(
        ["--json", "--model", base, "--head", "own=\(ranker)", "--active-heads", "own"].reduce(into: arguments) {
          $0.append($1)
        }, input: Data(texts.joined(separator: "\n").utf8))
    }
    let ranked = try run("rank", "--query", "a question").lines
    struct Line: Decodable, Equatable { let index: Int, text: String, score: Double }
    let lines = try ranked.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    #expect(lines.map(\.score) == lines.map(\.score).sorted(by: >) && Set(lines.map(\.index)) == [0, 1, 2, 3])
    let places = lines.map(\.index)
    let first = try #require(places.firstIndex(of: 1))
    #expect(places.firstIndex(of: 3) == first + 1)
    #expect(try run("rank", "--query", "a question", "--top-k", "2").lines == Array(ranked.prefix(2)))
    let pair = try CommandLineTool.run(
      ["predict", "--json", "--model", base, "--head", "own=\(ranker)", "--active-heads", "own"],
      input: Data(#"{"text": "a question", "pair": "\#(lines[0].text)"}"#.utf8)
    ).lines[0]
    let value = try #require(pair.firstMatch(of: /"value": (-?[0-9.e-]+)/)).output.1
    #expect(abs((Double(value) ?? 0) - lines[0].score) < 1e-5)
    let wrong = try self.run("rank", "--query", "a", "--setup", "debian-section", input: "b\n")
    #expect(wrong.exitCode == 1 && wrong.messages.contains("'debian-section' (classification, 16 outputs)"))
  }
}
