import Foundation
import Testing
import Tokenization

/// What `Tools/make_tokenizer_fixtures.py` recorded of transformers 4.57.6.
struct ReferenceLine: Decodable, Sendable {
  var settings: String
  var text: String
  var pair: String?
  var maximumLength: Int?
  var slow: [Int32]
  var fast: [Int32]
  var types: [Int32]?
  var decoded: String?
}

@Suite struct ReferenceTests {
  static let settings = ["plain", "lower", "punctuation", "added", "unsplit", "left", "all"]

  static func lines(_ settings: String) throws -> [ReferenceLine] {
    try Fixtures.lines(of: Fixtures.tokenizer.appending(path: "reference.jsonl")).filter { $0.settings == settings }
  }

  static func tokenizer(_ settings: String, _ variant: TokenizerVariant) throws -> DebertaV2Tokenizer {
    if settings == "plain" { return try DebertaV2Tokenizer(folder: Fixtures.model.path, variant: variant) }
    let file = Fixtures.tokenizer.appending(path: "settings/\(settings).json")
    return try Fixtures.tokenizer(settings: String(contentsOf: file, encoding: .utf8), variant: variant)
  }

  @Test func theRecordedTextsTellTheVariantsApart() throws {
    let lines = try Self.lines("plain")
    #expect(lines.count > 250)
    #expect(lines.count { $0.slow != $0.fast } > 50)
  }

  @Test(arguments: settings.dropFirst()) func theSettingsChangeWhatIsRecorded(_ settings: String) throws {
    let plain = try Self.tokenizer("plain", .slow)
    let lines = try Self.lines(settings)
    #expect(!lines.isEmpty)
    let changed = try lines.contains {
      try plain.encode($0.text, pair: $0.pair, maximumLength: $0.maximumLength).ids != $0.slow
    }
    #expect(changed)
  }

  @Test(arguments: settings) func slowIdsAreThoseOfDebertaV2Tokenizer(_ settings: String) throws {
    let tokenizer = try Self.tokenizer(settings, .slow)
    for line in try Self.lines(settings) {
      let encoding = try tokenizer.encode(line.text, pair: line.pair, maximumLength: line.maximumLength)
      #expect(encoding.ids == line.slow, "\(line.text.debugDescription) \(line.maximumLength ?? 0)")
      if let types = line.types { #expect(encoding.tokenTypeIDs == types) }
    }
  }

  @Test(arguments: settings) func fastIdsAreThoseOfDebertaV2TokenizerFast(_ settings: String) throws {
    let tokenizer = try Self.tokenizer(settings, .fast)
    for line in try Self.lines(settings) {
      let encoding = try tokenizer.encode(line.text, pair: line.pair, maximumLength: line.maximumLength)
      #expect(encoding.ids == line.fast, "\(line.text.debugDescription) \(line.maximumLength ?? 0)")
    }
  }

  @Test(arguments: settings) func decodedIdsAreTheTextOfTheReference(_ settings: String) throws {
    let tokenizer = try Self.tokenizer(settings, .slow)
    for line in try Self.lines(settings) {
      guard let decoded = line.decoded else { continue }
      #expect(try Array(tokenizer.decode(line.slow).utf8) == Array(decoded.utf8), "\(line.text.debugDescription)")
    }
  }
}

/// The files of the folder that `EVAL_DATA` names: texts that may not be copied into the repository.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["EVAL_DATA"] != nil))
struct EvaluationDataTests {
  private struct Both: Decodable {
    var text: String
    var slow: [Int32]
    var fast: [Int32]
  }
  private struct Example: Decodable { var text: String }
  private struct Recorded: Decodable {
    var ids: [Int32]

    enum CodingKeys: String, CodingKey { case ids = "input_ids" }
  }

  private var folder: URL { URL(filePath: ProcessInfo.processInfo.environment["EVAL_DATA"] ?? "") }

  @Test func idsOfBothVariantsAreTheReferences() throws {
    let lines: [Both] = try Fixtures.lines(of: folder.appending(path: "tokenizer.reference.jsonl"))
    #expect(lines.count == 429)
    let (slow, fast) = (try Fixtures.slow.get(), try Fixtures.fast.get())
    for line in lines {
      #expect(try slow.encode(line.text).ids == line.slow)
      #expect(try fast.encode(line.text).ids == line.fast)
    }
  }

  @Test(arguments: ["debian-section", "debian-facets", "truecase", "wordnet-domain"])
  func idsOfHeldOutExamplesAreTheReferences(_ name: String) throws {
    let examples: [Example] = try Fixtures.lines(of: folder.appending(path: "\(name).test.jsonl"))
    let recorded: [Recorded] = try Fixtures.lines(of: folder.appending(path: "\(name).reference.jsonl"))
    #expect(examples.count == recorded.count && !examples.isEmpty)
    let tokenizer = try Fixtures.slow.get()
    for (example, recorded) in zip(examples, recorded) {
      #expect(try tokenizer.encode(example.text, maximumLength: 128).ids == recorded.ids)
    }
  }
}
