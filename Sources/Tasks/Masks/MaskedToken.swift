internal import Glibc
public import Tensors
public import Tokenization

/// How a masked language model's outputs become an answer.
public struct MaskOptions: Sendable, Hashable {
  /// The number of pieces returned for each mask, most likely first.
  public var topK: Int
  /// The only pieces to consider; nil: the whole vocabulary.
  ///
  /// A target is a piece, or a text whose first piece is used. Probabilities remain relative to the whole vocabulary.
  public var targets: [String]?

  public init(topK: Int = 5, targets: [String]? = nil) {
    self.topK = topK
    self.targets = targets
  }

  /// The ids of the targets, without duplicates.
  ///
  /// - Throws: ``TargetError``.
  public func targetIDs(_ tokenizer: any Tokenizer) throws(TargetError) -> [Int32]? {
    guard let targets else { return nil }
    var ids: [Int32] = []
    for target in targets {
      let id = tokenizer.id(of: target) ?? (try? tokenizer.encode(target))?.firstPiece
      guard let id else { throw TargetError(target: target) }
      if !ids.contains(id) { ids.append(id) }
    }
    return ids
  }

  /// The targets that are not pieces, with the first pieces used for them.
  public func shortenedTargets(_ tokenizer: any Tokenizer) -> [(target: String, piece: String)] {
    (targets ?? []).filter { tokenizer.id(of: $0) == nil }.compactMap { target in
      (try? tokenizer.encode(target))?.firstPiece.flatMap { tokenizer.piece(of: $0) }.map { (target, $0) }
    }
  }
}

extension Encoding {
  /// The id of the first token of the text.
  fileprivate var firstPiece: Int32? { sequence.firstIndex(of: 0).map { ids[$0] } }
}

/// A target of a masked language model without a piece.
public struct TargetError: Error, Hashable, Sendable, CustomStringConvertible {
  public let target: String

  public init(target: String) { self.target = target }

  public var description: String {
    "The target '\(target)' has no piece in the vocabulary: the tokenizer makes nothing of it."
  }
}

/// The predictions of a masked language model for one `[MASK]`.
public struct MaskedToken: Sendable, Hashable, Codable {
  /// The index among the text's tokens, including `[CLS]`.
  public let token: Int
  /// The most likely pieces, best first.
  public let predictions: [ScoredPiece]

  public init(token: Int, predictions: [ScoredPiece]) {
    self.token = token
    self.predictions = predictions
  }
}

/// A piece and its probability over the whole vocabulary.
public struct ScoredPiece: Sendable, Hashable, Codable {
  /// Nil for a row of the vocabulary without a piece in the tokenizer.
  public let piece: String?
  /// The piece in readable form, without the space marker.
  public let text: String
  public let id: Int32
  public let score: Float
  /// The text with the piece replacing this mask.
  public let filled: String

  public init(piece: String?, text: String, id: Int32, score: Float, filled: String) {
    self.piece = piece
    self.text = text
    self.id = id
    self.score = score
    self.filled = filled
  }
}

/// Turns a masked language model's outputs into answers.
public struct MaskDecoder: Sendable {
  private let tokenizer: any Tokenizer
  private let options: MaskOptions
  private let targets: [Int32]?

  /// - Throws: ``TargetError``.
  public init(_ tokenizer: any Tokenizer, _ options: MaskOptions) throws(TargetError) {
    self.tokenizer = tokenizer
    self.options = options
    targets = try options.targetIDs(tokenizer)
  }

  /// The masked tokens of one text, predicted independently.
  ///
  /// - Parameters:
  ///   - outputs: one row per mask, [masks, vocabulary], in order.
  ///   - encoding: the tokens of the text.
  ///   - text: the text.
  ///   - pair: the second text.
  public func masks(_ outputs: Tensor, _ encoding: Encoding, text: String, pair: String?) -> [MaskedToken] {
    let places = encoding.ids.indices.filter { encoding.ids[$0] == tokenizer.maskID }
    let texts = [text, pair ?? ""].map { Array($0.unicodeScalars) }
    return zip(places, 0..<outputs.rows).map { token, row in
      let best = outputs.largest(options.topK, among: targets, row: row)
      return MaskedToken(
        token: token,
        predictions: best.map { id, score in
          let id = Int32(id)
          let piece = tokenizer.piece(of: id)
          let text = (try? tokenizer.decode([id])) ?? piece ?? ""
          return ScoredPiece(
            piece: piece, text: text, id: id, score: score,
            filled: filled(texts[encoding.sequence[token] ?? 0], encoding.offsets[token], piece ?? "", text))
        })
    }
  }

  /// A text with a piece replacing a mask. A piece that begins a word is preceded by a space; others follow directly.
  private func filled(_ scalars: [Unicode.Scalar], _ mask: Range<Int>, _ piece: String, _ text: String) -> String {
    var before = scalars[..<mask.lowerBound]
    let space: Unicode.Scalar = " "
    if let mark = piece.unicodeScalars.first, ["▁", "Ġ"].contains(mark) {
      if let last = before.last, !last.properties.isWhitespace { before.append(space) }
    } else {
      while let last = before.last, last.properties.isWhitespace { before.removeLast() }
    }
    var view = String.UnicodeScalarView(before)
    view.append(contentsOf: text.unicodeScalars.drop { $0 == space })
    view.append(contentsOf: scalars[mask.upperBound...])
    return String(view)
  }
}

extension Tensor {
  /// The columns of a row's largest values, with their softmax; in case of a tie the first column wins.
  ///
  /// - Parameter columns: the columns to consider; nil for all. The softmax is over all columns in any case.
  fileprivate func largest(
    _ count: Int, among considered: [Int32]?, row: Int
  ) -> [(column: Int, share: Float)] {
    let values = UnsafeBufferPointer(start: pointer + row * stride, count: self.columns)
    let largest = values.max() ?? 0
    let sum = values.reduce(into: 0.0) { $0 += Double(expf($1 - largest)) }
    func shares(_ best: some Sequence<Int>) -> [(column: Int, share: Float)] {
      best.map { ($0, Float(Double(expf(values[$0] - largest)) / sum)) }
    }
    let columns =
      considered.map { $0.sorted().map { Int($0) }.filter(values.indices.contains) } ?? Array(values.indices)
    // Inserting one by one costs the square of what is kept.
    if count > 64 {
      return shares(columns.sorted { (values[$0], $1) > (values[$1], $0) }.prefix(count))
    }
    var best: [Int] = []
    func consider(_ column: Int) {
      guard best.count < count || values[column] > values[best[count - 1]] else { return }
      let place = best.firstIndex { values[$0] < values[column] } ?? best.count
      best.insert(column, at: place)
      if best.count > count { best.removeLast() }
    }
    for column in columns { consider(column) }
    return shares(best)
  }
}
