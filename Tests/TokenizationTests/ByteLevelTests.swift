import Foundation
import Testing

@testable import Tokenization

@Suite struct WordPatternTests {
  private func words(_ text: String) -> [String] {
    var words: [String] = []
    Array(text.utf8).withUnsafeBufferPointer { bytes in
      WordPattern.forEachWord(of: bytes, in: bytes.indices) { words.append(String(decoding: bytes[$0], as: UTF8.self)) }
    }
    return words
  }

  @Test(arguments: [
    ("it's  two\t3", ["it", "'s", " ", " two", "\t", "3"]),
    ("IT'S", ["IT", "'", "S"]), ("'llama", ["'ll", "ama"]), ("''s", ["''", "s"]), ("a 'll", ["a", " '", "ll"]),
    (" \n x", [" \n", " x"]), ("x \n", ["x", " \n"]), ("x\n\ny", ["x", "\n", "\n", "y"]), ("\u{A0}a", ["\u{A0}", "a"]),
    ("a1²½!?", ["a", "1²½", "!?"]), (" 7up", [" 7", "up"]), ("e\u{301}x", ["e", "\u{301}", "x"]),
    ("a\u{1C}b", ["a", "\u{1C}", "b"]), ("", []), ("   ", ["   "]),
  ])
  func aTextIsCutAtTheBoundariesOfTheExpression(_ text: String, _ expected: [String]) {
    #expect(words(text).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
  }
}

@Suite struct ByteLevelMergesTests {
  /// Merges by their halves; ids are the places of the pieces in the list, from 256.
  private func merges(_ pairs: [(String, String)], order: ByteLevelMerges.Order = .byMerge) -> ByteLevelMerges {
    let list = pairs.map { ($0.0 + $0.1) }
    return ByteLevelMerges(pairs.map { (Array($0.0.utf8), Array($0.1.utf8)) }, order: order) { piece in
      let text = String(decoding: piece, as: UTF8.self)
      return list.firstIndex(of: text).map { Int32(256 + $0) } ?? Int32(text.unicodeScalars.first?.value ?? 0)
    }
  }

  private func pieces(_ word: String, _ merges: ByteLevelMerges) -> [String] {
    var pieces: [String] = []
    var workspace = ByteLevelMerges.Workspace()
    Array(word.utf8).withUnsafeBufferPointer { bytes in
      merges.forEachPiece(of: bytes, in: bytes.indices, &workspace) { _, range in
        pieces.append(String(decoding: bytes[range], as: UTF8.self))
      }
    }
    return pieces
  }

  @Test func anEarlierMergeComesFirstWhereverItStands() {
    let pairs = [("b", "c"), ("a", "b"), ("bc", "d")]
    #expect(pieces("abcd", merges(pairs)) == ["a", "bcd"])
    #expect(pieces("abcd", merges([pairs[1], pairs[0], pairs[2]])) == ["ab", "c", "d"])
  }

  @Test func equalPairsThatOverlapAreJoinedFromTheLeft() {
    #expect(pieces("aaaaa", merges([("a", "a"), ("aa", "aa")])) == ["aaaa", "a"])
  }

  @Test func theReferencesDifferAboutANewPairOfAnEarlierMerge() {
    let pairs = [("ab", "a"), ("a", "b")]
    #expect(pieces("abab", merges(pairs, order: .byMerge)) == ["ab", "ab"])
    #expect(pieces("abab", merges(pairs, order: .byPlace)) == ["aba", "b"])
    #expect(merges(pairs).doubtfulPieces == nil)
    #expect(merges(pairs.reversed()).doubtfulPieces == 3)
  }

  /// Blocks begin at pieces of the block before: a word of several blocks is cut as it would be as one.
  @Test func aWordOfManyMegabytesHasThePiecesOfItsParts() {
    let ordered = merges([("a", "b"), ("ab", "a"), ("b", "a"), ("aba", "aba"), ("x", "a")])
    #expect(ordered.doubtfulPieces != nil)
    let seed = (0..<997).map { Array("abx")[($0 * $0 / 7 + $0) % 3] }
    let word = String(repeating: String(seed), count: 1_400)
    let long = pieces(word, ordered)
    // The same merges with one that never applies and makes the order unprovable take the word as one block.
    let whole = merges(
      [("a", "b"), ("ab", "a"), ("b", "a"), ("aba", "aba"), ("x", "a"), ("zz", "z"), ("z", "z")])
    #expect(whole.doubtfulPieces == nil)
    #expect(long == pieces(word, whole))
    #expect(long.joined() == word)
  }

  @Test func everyByteHasALetterOfItsOwn() {
    #expect(Set(ByteAlphabet.letters).count == 256)
    for byte in UInt8.min...UInt8.max { #expect(ByteAlphabet.byte(of: ByteAlphabet.letters[Int(byte)]) == byte) }
    #expect(ByteAlphabet.letters[0x20] == "Ġ" && ByteAlphabet.letters[0x0A] == "Ċ" && ByteAlphabet.letters[0x41] == "A")
    #expect(ByteAlphabet.byte(of: "漢") == nil && ByteAlphabet.bytes(of: "Ġ漢") == [0x20] + Array("漢".utf8))
  }
}

@Suite struct ByteLevelEncodingTests {
  @Test func aSpaceThatIsAPieceAloneBelongsToTheWordAfterIt() throws {
    let tokenizer = try ByteLevelFixtures.tokenizer()
    let encoding = try tokenizer.encode("on  Q\tQ")
    #expect(encoding.tokens == ["[CLS]", "on", "Ġ", "Ġ", "Q", "ĉ", "Q", "[SEP]"])
    #expect(encoding.offsets[2..<6] == [2..<3, 3..<4, 4..<5, 5..<6])
    #expect(encoding.words == [nil, 0, nil, 1, 1, nil, 2, nil])
  }

  @Test func bytesOfOneCharacterHaveItsOffsets() throws {
    let encoding = try ByteLevelFixtures.tokenizer().encode("a 宋😀")
    let character = encoding.offsets.filter { $0 == 3..<4 }
    #expect(character.count > 1)
    #expect(encoding.words.compactMap { $0 }.max() == 1)
  }

  @Test func theStartOfALongTextIsCutAsTheWholeTextIs() throws {
    let tokenizer = try ByteLevelFixtures.tokenizer()
    let text = String(repeating: "ab", count: 540_000)
    let (cut, start) = (
      try tokenizer.encode(text, maximumLength: 300), try tokenizer.encode(String(text.prefix(90_000)))
    )
    #expect(cut.ids.count == 300 && cut.truncatedTokens > 300)
    #expect(cut.ids.dropLast() == start.ids.prefix(299) && cut.offsets.dropLast() == start.offsets.prefix(299))
  }

  /// A text is read as far as its white space may belong to a token that comes after it.
  @Test func whiteSpaceBeforeAMaskIsTakenHoweverLongItIs() throws {
    let tokenizer = try ByteLevelFixtures.tokenizer()
    let long = try tokenizer.encode(String(repeating: " ", count: 1_100_000) + "[MASK] the end", maximumLength: 300)
    #expect(long.ids == (try tokenizer.encode(" [MASK] the end").ids))
  }
}

@Suite struct ByteLevelFileTests {
  private let model = Result {
    ["vocab.json": try ByteLevelFixtures.data("vocab.json"), "merges.txt": try ByteLevelFixtures.data("merges.txt")]
  }

  private func error(_ files: [String: Data]) throws -> TokenizerError? {
    try Fixtures.withFolder(files) { folder in
      do throws(TokenizerError) {
        _ = try AutoTokenizer.load(folder: folder)
        return nil
      } catch {
        return error
      }
    }
  }

  private func replacing(_ name: String, _ text: String) throws -> [String: Data] {
    var files = try model.get()
    files[name] = Data(text.utf8)
    return files
  }

  @Test func withoutAnyJSONOfSettingsTheDefaultsHold() throws {
    let tokenizer = try Fixtures.withFolder(try model.get()) { try AutoTokenizer.load(folder: $0) }
    let reference = try ByteLevelFixtures.tokenizer()
    #expect(tokenizer is DebertaTokenizer)
    for text in ["a \t[MASK] b", "[CLS][SEP] x"] {
      #expect(try tokenizer.encode(text).ids == reference.encode(text).ids)
    }
  }

  @Test func theModelTypeDecidesWhichTokenizerIsNeeded() throws {
    let v1 = Data(#"{"model_type": "deberta"}"#.utf8)
    let v2 = Data(#"{"model_type": "deberta-v2"}"#.utf8)
    let other = try TokenizerError.otherFamily(folder: "", needed: .byteLevel, found: .sentencePiece).sentence
    func sentence(_ files: [String: Data]) throws -> String? { try error(files)?.sentence }
    #expect(try error(try model.get().merging(["config.json": v1]) { $1 }) == nil)
    #expect(
      try sentence(["spm.model": try Fixtures.sentencePiece(), "config.json": v1]) == other)
    let reverse = try TokenizerError.otherFamily(folder: "", needed: .sentencePiece, found: .byteLevel).sentence
    #expect(try sentence(try model.get().merging(["config.json": v2]) { $1 }) == reverse)
    let json = try ByteLevelFixtures.data("tokenizer.json")
    #expect(try sentence(["tokenizer.json": json, "config.json": v2]) == reverse)
    #expect(
      try sentence(["bpe_encoder.bin": try ByteLevelFixtures.data("bpe_encoder.bin"), "config.json": v2]) == reverse)
  }

  @Test func halfOfAModelIsNamed() throws {
    #expect {
      throw try #require(
        try error([
          "vocab.json": try ByteLevelFixtures.data("vocab.json"),
          "config.json": Data(#"{"model_type": "deberta"}"#.utf8),
        ]))
    } throws: { error in "\(error)".contains("/merges.txt: no such file") }
  }

  @Test(arguments: [
    ("vocab.json", #"{"a": -1}"#, "'a' must be an id from 0"),
    ("vocab.json", #"{"a": 1, "b": 1}"#, "'b' is 1, as 'a' is"),
    ("vocab.json", #"{"a": 4000000000}"#, "'a' must be an id from 0"), ("vocab.json", "{}", "expected pieces with ids"),
    ("vocab.json", "[]", "expected an object"), ("merges.txt", "#version\na b c\n", "line 2 has 3 parts"),
    ("merges.txt", "#version\na b\nab\n", "line 3 has 1 parts"),
  ])
  func aFaultOfAFileIsNamed(_ name: String, _ text: String, _ reason: String) throws {
    let error = try #require(try error(try replacing(name, text)))
    #expect(error.description.contains(name) && error.description.contains(reason), "\(error)")
  }

  @Test(arguments: [
    (#""dropout":null"#, #""dropout":0.1"#, "model.dropout"),
    (#""end_of_word_suffix":"""#, #""end_of_word_suffix":"</w>""#, "model.end_of_word_suffix"),
    (#""ignore_merges":false"#, #""ignore_merges":true"#, "model.ignore_merges"),
    (#""use_regex":true"#, #""use_regex":false"#, "pre_tokenizer"),
    (#""type":"BPE""#, #""type":"WordPiece""#, "model.type"),
  ])
  func aStepOfTokenizerJSONThatIsNotKnownIsRefusedByItsName(_ old: String, _ new: String, _ key: String) throws {
    let text = String(decoding: try ByteLevelFixtures.data("tokenizer.json"), as: UTF8.self)
    #expect(text.contains(old))
    #expect(try error(["tokenizer.json": Data(text.utf8)]) == nil)
    let error = try #require(try error(["tokenizer.json": Data(text.replacing(old, with: new).utf8)]))
    #expect(error.description.contains("'\(key)'"), "\(error)")
  }

  @Test func aDamagedEncoderIsAnErrorWhereverItEnds() throws {
    let bytes = try ByteLevelFixtures.data("bpe_encoder.legacy.bin")
    #expect(try error(["bpe_encoder.bin": bytes]) == nil)
    for count in stride(from: 0, to: bytes.count - 200, by: 1_999) {
      #expect(try error(["bpe_encoder.bin": bytes.prefix(count)]) != nil)
    }
  }
}

extension TokenizerError {
  /// The description without the folder, which tests make anew.
  fileprivate var sentence: String { description.split(separator: ": ", maxSplits: 1).last.map(String.init) ?? "" }
}
