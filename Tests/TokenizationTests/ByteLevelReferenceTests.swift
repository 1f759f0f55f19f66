import Foundation
import Testing
import Tokenization

/// What `Tools/make_byte_level_fixtures.py` recorded of transformers 4.57.6.
private struct ByteLevelLine: Decodable, Sendable {
  var settings: String
  var text: String
  var pair: String?
  var maximumLength: Int?
  var truncation: String?
  /// Nil where the text that is to be shortened is too short.
  var slow: [Int32]?
  var fast: [Int32]?
  var types: [Int32]?
  /// Those of the fast one, with the white space that a piece begins with.
  var offsets: [[Int]]?
  var tokens: [String]?
  var decoded: String?
  var textOfIDs: String?

  enum CodingKeys: String, CodingKey {
    case settings, text, pair, maximumLength, truncation, slow, fast, types, offsets, tokens, decoded
    case textOfIDs = "text of ids"
  }

  var strategy: TruncationStrategy { truncation.flatMap(TruncationStrategy.init) ?? .longestFirst }

  func encoding(_ tokenizer: any Tokenizer) throws -> Encoding {
    try tokenizer.encode(text, pair: pair, maximumLength: maximumLength, truncation: strategy)
  }

  func ids(_ variant: TokenizerVariant) -> [Int32]? { variant == .slow ? slow : fast }
}

enum ByteLevelFixtures {
  static let folder = Fixtures.root.appending(path: "Tests/Fixtures/byte-level")

  static func data(_ name: String) throws -> Data { try Data(contentsOf: folder.appending(path: name)) }

  /// The fixture's tokenizer with the settings of a name.
  static func tokenizer(_ settings: String = "plain", _ variant: TokenizerVariant = .slow) throws -> DebertaTokenizer {
    var files = ["vocab.json": try data("vocab.json"), "merges.txt": try data("merges.txt")]
    switch settings {
    case "plain": files["tokenizer_config.json"] = try data("tokenizer_config.json")
    case "shuffled":
      files["tokenizer_config.json"] = try data("tokenizer_config.json")
      files["merges.txt"] = try data("shuffled.txt")
    default: files["tokenizer_config.json"] = try data("\(settings).json")
    }
    return try Fixtures.withFolder(files) { try DebertaTokenizer(folder: $0, variant: variant) }
  }
}

@Suite struct ByteLevelReferenceTests {
  static let settings = ["plain", "prefix", "added", "unsplit", "left", "shuffled"]

  private static let lines: Result<[ByteLevelLine], any Error> = Result {
    try Fixtures.lines(of: ByteLevelFixtures.folder.appending(path: "reference.jsonl"))
  }

  private static func lines(_ settings: String) throws -> [ByteLevelLine] {
    try lines.get().filter { $0.settings == settings }
  }

  @Test(arguments: ["plain", "prefix", "added", "shuffled"])
  func theRecordedTextsTellTheVariantsApart(_ settings: String) throws {
    #expect(try Self.lines(settings).contains { $0.slow != nil && $0.slow != $0.fast })
  }

  @Test(arguments: settings.dropFirst()) func theSettingsChangeWhatIsRecorded(_ settings: String) throws {
    let plain = try ByteLevelFixtures.tokenizer()
    #expect(try Self.lines(settings).contains { try $0.encoding(plain).ids != $0.slow })
  }

  @Test(arguments: settings, TokenizerVariant.allCases)
  func idsAreThoseOfDebertaTokenizer(_ settings: String, _ variant: TokenizerVariant) throws {
    let tokenizer = try ByteLevelFixtures.tokenizer(settings, variant)
    for line in try Self.lines(settings) {
      guard let ids = line.ids(variant) else { continue }
      let encoding = try line.encoding(tokenizer)
      #expect(encoding.ids == ids, "\(line.text.debugDescription) \(line.maximumLength ?? 0) \(line.strategy)")
      if let types = line.types, variant == .fast { #expect(encoding.tokenTypeIDs == types) }
      if let tokens = line.tokens, variant == .slow { #expect(encoding.tokens == tokens) }
    }
  }

  @Test func aTextThatIsTooShortToBeShortenedIsRefusedAsByTheFastReference() throws {
    let lines = try Self.lines("plain").filter { $0.fast == nil }
    #expect(!lines.isEmpty)
    for variant in TokenizerVariant.allCases {
      let tokenizer = try ByteLevelFixtures.tokenizer("plain", variant)
      for line in lines {
        #expect { try line.encoding(tokenizer) } throws: { error in
          if case TokenizerError.cannotTruncate = error { true } else { false }
        }
      }
    }
  }

  @Test(arguments: settings) func offsetsAreTheReferencesWithoutWhiteSpaceBefore(_ settings: String) throws {
    let tokenizer = try ByteLevelFixtures.tokenizer(settings, .fast)
    var trimmed = 0
    for line in try Self.lines(settings) {
      guard let recorded = line.offsets else { continue }
      let encoding = try line.encoding(tokenizer)
      let texts = [Array(line.text.unicodeScalars), Array((line.pair ?? "").unicodeScalars)]
      for (place, pair) in recorded.enumerated() {
        guard let sequence = encoding.sequence[place] else { continue }
        let isSpace: (Int) -> Bool = { texts[sequence][$0].isPythonSpace }
        let first = (pair[0]..<pair[1]).first { !isSpace($0) } ?? pair[0]
        trimmed += first - pair[0]
        #expect(encoding.offsets[place] == first..<pair[1], "\(line.text.debugDescription) \(place)")
      }
    }
    #expect(trimmed > 0)
  }

  @Test(arguments: settings) func decodedIdsAreTheTextOfTheReference(_ settings: String) throws {
    let tokenizer = try ByteLevelFixtures.tokenizer(settings)
    for line in try Self.lines(settings) {
      guard let decoded = line.decoded, let text = line.textOfIDs, let ids = line.slow else { continue }
      #expect(try Array(tokenizer.decode(ids).utf8) == Array(decoded.utf8), "\(line.text.debugDescription)")
      #expect(try Array(tokenizer.decode(ids, skippingSpecialTokens: true).utf8) == Array(text.utf8))
    }
  }

  @Test func tokenizerJSONAloneGivesTheIdsOfTheFastTokenizer() throws {
    let files = ["tokenizer.json": try ByteLevelFixtures.data("tokenizer.json")]
    let tokenizer = try Fixtures.withFolder(files) { try AutoTokenizer.load(folder: $0) }
    #expect(tokenizer.variant == .fast)
    for line in try Self.lines("plain") {
      guard let ids = line.fast else { continue }
      #expect(try line.encoding(tokenizer).ids == ids, "\(line.text.debugDescription)")
    }
  }

  @Test(arguments: ["bpe_encoder.bin", "bpe_encoder.legacy.bin"])
  func microsoftsFileGivesTheSameIdsAndKnowsNoSpecialTokensInTexts(_ name: String) throws {
    let files = ["bpe_encoder.bin": try ByteLevelFixtures.data(name)]
    let tokenizer = try Fixtures.withFolder(files) { try AutoTokenizer.load(folder: $0, variant: .fast) }
    let slow = try ByteLevelFixtures.tokenizer()
    #expect(tokenizer.variant == .slow)
    // Its fillers come before [MASK].
    #expect(tokenizer.id(of: "madeupword0000") == slow.maskID)
    #expect(try tokenizer.maskID == #require(slow.maskID) + 1)
    var differing = 0
    for line in try Self.lines("plain") {
      guard let ids = line.slow else { continue }
      let own = try line.encoding(tokenizer)
      if ["[MASK]", "[CLS]", "[SEP]", "[PAD]", "[UNK]"].contains(where: line.text.contains)
        || line.pair?.contains("[SEP]") == true
      {
        differing += own.ids == ids ? 0 : 1
      } else {
        #expect(own.ids == ids, "\(line.text.debugDescription)")
      }
    }
    #expect(differing > 10)
  }
}

/// The texts of the folder that `TOKENIZATION_CASES` names, which may not be copied into the repository.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["TOKENIZATION_CASES"] != nil))
struct ByteLevelCaseTests {
  private struct Line: Decodable {
    var text: String
    var pair: String?
    var maximumLength: Int?
    var truncation: String?
    var ids: [Int32]?
    var slow: [Int32]?

    enum CodingKeys: String, CodingKey {
      case text, pair, truncation, ids
      case maximumLength = "max_length"
      case slow = "slow_ids"
    }
  }

  @Test(arguments: ["v1-bpe", "v1-bpe-fast"])
  func pairsAndTruncatedTextsHaveTheIdsOfTheReference(_ base: String) throws {
    let root = URL(filePath: ProcessInfo.processInfo.environment["TOKENIZATION_CASES"] ?? "")
    let lines: [Line] = try Fixtures.lines(of: root.appending(path: "tokenization/c-texts.jsonl"))
      .filter { $0.pair != nil || $0.maximumLength != nil }
    #expect(!lines.isEmpty)
    let tokenizer = try AutoTokenizer.load(folder: root.appending(path: "bases/\(base)").path)
    for line in lines {
      let strategy = line.truncation.flatMap(TruncationStrategy.init) ?? .longestFirst
      func ids() throws -> [Int32] {
        try tokenizer.encode(
          line.text, pair: line.pair, maximumLength: line.maximumLength, truncation: strategy
        ).ids
      }
      let slow = line.slow ?? line.ids
      if line.ids == nil {
        #expect(throws: TokenizerError.self) { try ids() }
      } else if tokenizer.variant == .slow, let slow, slow.count <= line.maximumLength ?? .max {
        #expect(try ids() == slow)
      } else {
        #expect(try ids() == line.ids)
      }
    }
  }
}

extension Unicode.Scalar {
  /// Python's `str.isspace()`.
  fileprivate var isPythonSpace: Bool { properties.isWhitespace || (0x1C...0x1F).contains(value) }
}
