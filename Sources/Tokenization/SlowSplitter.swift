/// Splits a text at its added tokens and encodes the rest like sentencepiece, as `DebertaV2Tokenizer` does.
///
/// - SeeAlso: `PreTrainedTokenizer.tokenize` (transformers/tokenization_utils.py)
///   and `SPMTokenizer` (transformers/models/deberta_v2/tokenization_deberta_v2.py).
struct SlowSplitter: TextSplitter {
  private enum Search: Sendable {
    case unigram(UnigramSearch<Float>)
    case bytePairs(BytePairMerges)
  }

  private let model: SentencePieceModel
  private let cutter: SlowTokenCutter
  private let lowercaser: Lowercaser?
  private let splitsByPunctuation: Bool
  private let normalizer: SentencePieceNormalizer
  private let search: Search
  /// By byte; empty without byte fallback.
  private let byteIDs: [Int32]
  private let renumbered: [Int32: Int32]

  init(
    _ model: SentencePieceModel, _ proto: SentencePieceProto, _ vocabulary: Vocabulary, _ settings: TokenizerSettings
  ) {
    self.model = model
    normalizer = SentencePieceNormalizer(proto.normalization, keeping: proto.keptPieces)
    search =
      proto.isUnigram ? .unigram(UnigramSearch(model)) : .bytePairs(BytePairMerges(model, keeping: proto.keptPieces))
    byteIDs = proto.hasByteFallback ? proto.byteIDs : []
    renumbered = vocabulary.renumbered
    cutter = SlowTokenCutter(settings.splitsSpecialTokens ? [] : vocabulary.added)
    splitsByPunctuation = settings.splitsByPunctuation
    let kept = vocabulary.specials + vocabulary.added.filter { !$0.isSpecial && $0.isNormalized }
    lowercaser = settings.lowercases ? Lowercaser(except: kept) : nil
  }

  /// The length of a normalized text in bytes.
  func normalizedCount(of text: [UInt8]) -> Int {
    (lowercaser?.lowercased(text).bytes ?? text).withUnsafeBufferPointer {
      normalizer.normalized($0, $0.indices).bytes.count
    }
  }

  func pieces(of text: [UInt8]) -> [TextPiece] {
    guard let lowercaser else { return pieces(of: text, addedScalars: []) }
    let lowered = lowercaser.lowercased(text)
    return pieces(of: lowered.bytes, addedScalars: lowered.addedScalars)
  }

  private func pieces(of text: [UInt8], addedScalars: [Int]) -> [TextPiece] {
    var pieces: [BytePiece] = []
    text.withUnsafeBufferPointer { text in
      for part in cutter.cut(text) {
        if let token = part.token {
          pieces.append(BytePiece(id: token.id, bytes: part.bytes, beginsWithSpace: false))
        } else if splitsByPunctuation {
          for part in UTF8Text.partsByPunctuation(of: text, part.bytes) { pieces += encode(text, part) }
        } else {
          pieces += encode(text, part.bytes)
        }
      }
    }
    return ScalarCounter.textPieces(pieces, in: text, addedScalars: addedScalars)
  }

  private func encode(_ text: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> [BytePiece] {
    let normalized = normalizer.normalized(text, range)
    let segments = normalized.bytes.withUnsafeBufferPointer { bytes in
      let found =
        switch search {
        case .unigram(let search): search.segments(of: bytes, in: bytes.indices)
        case .bytePairs(let merges): merges.segments(of: bytes)
        }
      return resolvingUnknowns(of: found, bytes)
    }
    var pieces = normalized.pieces(of: segments, in: text)
    if !renumbered.isEmpty {
      for index in pieces.indices { pieces[index].id = renumbered[pieces[index].id] ?? pieces[index].id }
    }
    return pieces
  }

  /// An unknown character becomes byte pieces; without byte fallback a run of them becomes one unknown piece
  /// (`SentencePieceProcessor::PopulateSentencePieceText`).
  private func resolvingUnknowns(
    of segments: [UnigramSegment], _ bytes: UnsafeBufferPointer<UInt8>
  ) -> [UnigramSegment] {
    guard segments.contains(where: { $0.id == model.unknownID }) else { return segments }
    var resolved: [UnigramSegment] = []
    for segment in segments {
      if segment.id != model.unknownID {
        resolved.append(segment)
      } else if !byteIDs.isEmpty {
        for at in segment.bytes {
          resolved.append(UnigramSegment(id: byteIDs[Int(bytes[at])], bytes: at..<at + 1))
        }
      } else if let last = resolved.last, last.id == model.unknownID {
        resolved[resolved.count - 1].bytes = last.bytes.lowerBound..<segment.bytes.upperBound
      } else {
        resolved.append(segment)
      }
    }
    // The reference looks up each piece's text: a run that equals an unused piece gets that piece's id.
    for index in resolved.indices where resolved[index].id == model.unknownID {
      resolved[index].id = model.id(of: bytes[resolved[index].bytes]) ?? model.unknownID
    }
    return resolved
  }
}
