import Foundation
import Testing
import Tokenization

@Suite struct VocabularyTests {
  @Test(arguments: [("128", 128), ("1000000000000000019884624838656", nil), ("1e30", nil)] as [(String, Int?)])
  func `The tokenizer knows the most tokens that its model reads`(_ value: String, _ expected: Int?) throws {
    #expect(try Fixtures.tokenizer(settings: #"{"model_max_length": \#(value)}"#).maximumLength == expected)
    #expect(try Fixtures.tokenizer(settings: "{}").maximumLength == nil)
  }

  @Test func specialTokensHaveTheIdsOfTheirFiles() throws {
    let tokenizer = try Fixtures.slow.get()
    #expect((tokenizer.padID, tokenizer.clsID, tokenizer.sepID, tokenizer.unkID) == (0, 1, 2, 3))
    #expect(tokenizer.maskID == 8000)
    #expect(tokenizer.vocabularySize == 8001)
  }

  @Test func piecesAndIdsAreEachOthersInverse() throws {
    let tokenizer = try Fixtures.slow.get()
    #expect(tokenizer.id(of: "no such piece") == nil)
    #expect(tokenizer.piece(of: 8001) == nil && tokenizer.piece(of: -1) == nil)
    for id in Int32(0)..<8001 {
      #expect(try tokenizer.id(of: #require(tokenizer.piece(of: id))) == id)
    }
  }

  @Test func piecesAreToldApartByTheirBytes() throws {
    let tokenizer = try Fixtures.slow.get()
    #expect("é" == "e\u{301}")
    #expect(tokenizer.id(of: "é") != nil)
    #expect(tokenizer.id(of: "e\u{301}") == nil)
  }

  @Test func withoutAnyJSONTheDefaultsHold() throws {
    let tokenizer = try Fixtures.withFolder(["spm.model": try Fixtures.sentencePiece()]) {
      try DebertaV2Tokenizer(folder: $0)
    }
    #expect(tokenizer.maskID == 8000 && tokenizer.vocabularySize == 8001)
    #expect(try tokenizer.encode("a [MASK]").ids == Fixtures.slow.get().encode("a [MASK]").ids)
  }

  @Test func anOlderFolderNamesItsAddedTokensInAddedTokensJSON() throws {
    let files = [
      "spm.model": try Fixtures.sentencePiece(),
      "added_tokens.json": Data(#"{"[MASK]": 8003, "extra": 8002}"#.utf8),
    ]
    let tokenizer = try Fixtures.withFolder(files) { try DebertaV2Tokenizer(folder: $0) }
    #expect(tokenizer.maskID == 8003)
    #expect(try tokenizer.encode("extra").ids == [1, 8002, 2])
  }

  @Test func aMaskTokenCanBeNull() throws {
    let tokenizer = try Fixtures.tokenizer(settings: #"{"mask_token": null}"#)
    #expect(tokenizer.maskID == nil)
    #expect(tokenizer.vocabularySize == 8000)
  }

  @Test func anIdBeyondTheVocabularyCannotBeDecoded() throws {
    let tokenizer = try Fixtures.slow.get()
    let ids = try tokenizer.encode("The cat [MASK] 宋.").ids
    #expect(try tokenizer.decode(ids, skippingSpecialTokens: true) == "The cat 宋.")
    #expect(throws: TokenizerError.unknownID(8050, vocabularySize: 8001)) { try tokenizer.decode([8050]) }
  }
}

@Suite struct DamagedFileTests {
  private func error(_ files: [String: Data], _ variant: TokenizerVariant = .slow) throws -> TokenizerError? {
    try Fixtures.withFolder(files) { folder in
      do throws(TokenizerError) {
        _ = try DebertaV2Tokenizer(folder: folder, variant: variant)
        return nil
      } catch {
        return error
      }
    }
  }

  @Test func aWholeFolderLoads() throws {
    #expect(try error(["spm.model": try Fixtures.sentencePiece()]) == nil)
  }

  @Test func aMissingModelIsNamed() throws {
    let error = try #require(try error([:]))
    guard case .missingFile(let path) = error else { throw error }
    #expect(path.hasSuffix("/spm.model"))
    #expect("\(error)".contains("no such file"))
  }

  @Test(arguments: TokenizerVariant.allCases)
  func whatIsNoModelIsRefused(_ variant: TokenizerVariant) throws {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a21\nsize 2464616\n"
    for text in ["", "x", pointer, "<html>404</html>", String(repeating: "\u{0}", count: 5000)] {
      let error = try error(["spm.model": Data(text.utf8)], variant)
      guard case .damagedModel(_, text.utf8.count, _) = error else {
        Issue.record("\(text.prefix(20).debugDescription): \(String(describing: error))")
        continue
      }
    }
  }

  @Test func aFolderInTheModelsPlaceCannotBeRead() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(
      at: folder.appending(path: "spm.model"), withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect { try DebertaV2Tokenizer(folder: folder.path) } throws: { error in
      if case TokenizerError.unreadableFile = error { true } else { false }
    }
  }

  @Test func aModelCutShortIsRefused() throws {
    let whole = try Fixtures.sentencePiece()
    for count in stride(from: 1, to: whole.count, by: whole.count / 40) {
      let error = try error(["spm.model": whole.prefix(count)])
      #expect(error != nil, "\(count) bytes")
    }
  }

  @Test func aDamagedModelNeverCrashes() throws {
    let whole = try Fixtures.sentencePiece()
    var random = SeededGenerator(state: 7)
    var refused = 0
    for _ in 0..<60 {
      var damaged = whole
      for _ in 0..<random.next(below: 40) + 1 {
        damaged[random.next(below: damaged.count)] = UInt8(random.next(below: 256))
      }
      try Fixtures.withFolder(["spm.model": damaged]) { folder in
        for variant in TokenizerVariant.allCases {
          do {
            let tokenizer = try DebertaV2Tokenizer(folder: folder, variant: variant)
            _ = try tokenizer.encode("The cat ½ ﬁne e\u{301} 宋 [MASK] ﷺ ｆｕｌｌ")
          } catch is TokenizerError {
            refused += 1
          }
        }
      }
    }
    #expect(refused > 10)
  }

  @Test(arguments: [
    #"{"#, #"[]"#, #"{"added_tokens_decoder": {"x": {"content": "a"}}}"#, #"{"do_lower_case": 3}"#,
    #"{"added_tokens_decoder": {"9": {"lstrip": true}}}"#, #"{"cls_token": null}"#,
  ])
  func malformedSettingsAreNamed(_ settings: String) throws {
    let files = ["spm.model": try Fixtures.sentencePiece(), "tokenizer_config.json": Data(settings.utf8)]
    let error = try error(files)
    guard case .malformedSettings(let path, _) = error else {
      Issue.record("\(settings): \(String(describing: error))")
      return
    }
    #expect(path.hasSuffix("/tokenizer_config.json"))
  }

  @Test(arguments: TokenizerVariant.allCases)
  func aCharacterModelIsRefused(_ variant: TokenizerVariant) throws {
    // A second trainer_spec is merged into the first: model_type (field 3) = 4, characters.
    let characters = try Fixtures.sentencePiece() + [0x12, 0x02, 0x18, 0x04]
    guard case .unsupportedModel(_, "character") = try error(["spm.model": characters], variant) else {
      Issue.record("expected a refusal")
      return
    }
  }

  @Test(arguments: ["spm.model", "tokenizer_config.json"])
  func `What is no regular file, or too large, is refused by its name at once`(_ name: String) throws {
    func refusal(_ place: (String) -> Void) throws -> String? {
      try Fixtures.withFolder(["spm.model": try Fixtures.sentencePiece()]) { folder in
        let path = folder + "/" + name
        unlink(path)
        place(path)
        do {
          _ = try DebertaV2Tokenizer(folder: folder)
          return nil
        } catch { return "\(error)".replacing(folder + "/", with: "") }
      }
    }
    let irregular =
      "\(name): cannot be read (it is not a regular file). Check its permissions, and that it is the file of a "
      + "tokenizer."
    #expect(try refusal { symlink("/dev/zero", $0) } == irregular)
    #expect(try refusal { mkfifo($0, 0o600) } == irregular)
    #expect(try refusal { mkdir($0, 0o700) } == irregular)
    let sparse = try refusal { path in
      close(open(path, O_CREAT | O_WRONLY, 0o600))
      truncate(path, 1 << 40)
    }
    let limit = name == "spm.model" ? 67_108_864 : 16_777_216
    #expect(sparse?.contains("it has 1099511627776 bytes, and at most \(limit) are read") == true)
  }
}

/// A small generator with a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func next(below limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
