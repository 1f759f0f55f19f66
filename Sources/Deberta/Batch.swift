public import Tensors

/// Sequences of tokens, concatenated without padding.
///
/// Hidden states of a batch are [T, H], where T is the number of real tokens in all sequences. Only attention mixes
/// tokens, and only within a sequence.
public struct Batch: Sendable {
  /// One sequence of the batch.
  public struct Sequence: Sendable {
    public let ids: [Int32]
    public let tokenTypes: [Int32]
    /// The tokens' positions, ascending; nil: 0, 1, 2, ...
    public let positions: [Int32]?
    /// Which tokens each token attends to, [N, N] bytes; nil: all.
    public let visible: [UInt8]?
    /// The range of prompt tokens; empty without a prompt.
    public internal(set) var prompt = 0..<0
    /// Rows of the absolute position table that are added to the tokens; nil: those of `positions`.
    public internal(set) var positionIDs: [Int32]?
    /// Replaces the word embeddings of the ids, [N, E]; nil: the ids are looked up.
    public internal(set) var embeddings: Tensor?

    /// The position of each token.
    var columns: [Int] { positions.map { $0.map { Int($0) } } ?? Array(ids.indices) }
  }

  public let sequences: [Sequence]
  /// Where sequence s starts: tokens starts[s] ..< starts[s + 1].
  public let starts: [Int]

  /// The number of tokens.
  public var tokenCount: Int { starts.last ?? 0 }

  /// The tokens of a sequence.
  public func tokens(of sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }

  /// The largest distance between two tokens of a sequence.
  var farthest: Int {
    sequences.reduce(0) { farthest, sequence in
      let own = sequence.positions.map { Int(($0.last ?? 0) - ($0.first ?? 0)) } ?? max(sequence.ids.count - 1, 0)
      return max(farthest, own)
    }
  }

  init(sequences: [Sequence]) {
    self.sequences = sequences
    starts = sequences.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.ids.count) }
  }

  /// Creates a batch of token id sequences, without padding.
  ///
  /// - Parameters:
  ///   - ids: the tokens of each sequence.
  ///   - tokenTypes: the type of each token; nil: 0.
  ///   - positionIDs: the absolute position of each token (`position_ids`), for models that add these; nil: 0, 1, 2, …
  public init(_ ids: [[Int32]], tokenTypes: [[Int32]]? = nil, positionIDs: [[Int32]]? = nil) {
    self.init(
      sequences: ids.enumerated().map { index, ids in
        Sequence(
          ids: ids, tokenTypes: tokenTypes?[index] ?? Array(repeating: 0, count: ids.count), positions: nil,
          visible: nil, positionIDs: positionIDs?[index])
      })
  }

  /// Creates a batch of vectors [N, E] that replace word embeddings (`inputs_embeds`), without padding.
  public init(embeddings: [Tensor], tokenTypes: [[Int32]]? = nil, positionIDs: [[Int32]]? = nil) {
    self.init(
      sequences: embeddings.enumerated().map { index, embeddings in
        let zeros = [Int32](repeating: 0, count: embeddings.rows)
        return Sequence(
          ids: zeros, tokenTypes: tokenTypes?[index] ?? zeros, positions: nil, visible: nil,
          positionIDs: positionIDs?[index], embeddings: embeddings)
      })
  }

  /// The index of the first token of each nonempty sequence.
  var firstTokens: [Int] { sequences.indices.map(tokens).filter { !$0.isEmpty }.map(\.lowerBound) }

  /// The first token of each sequence.
  var firsts: Batch {
    Batch(
      sequences: sequences.map { sequence in
        Sequence(
          ids: Array(sequence.ids.prefix(1)), tokenTypes: Array(sequence.tokenTypes.prefix(1)),
          positions: sequence.positions.map { Array($0.prefix(1)) }, visible: nil,
          prompt: sequence.prompt.clamped(to: 0..<min(1, sequence.ids.count)))
      })
  }

  /// The given sequences, which may repeat, in the given order.
  public func selecting(_ rows: [Int]) -> Batch {
    rows == Array(sequences.indices) ? self : Batch(sequences: rows.map { sequences[$0] })
  }
}

/// Input as transformers takes it: rows of equal length, with a mask.
public struct PaddedInput: Sendable {
  public enum Mask: Sendable {
    case all
    /// [rows, length]: 0 is padding, anywhere in a row.
    case tokens([[Int]])
    /// [rows, length, length]: whether a token (row) attends to another (column).
    case pairs([[[Int]]])
  }

  public let length: Int
  /// The columns of each row's real tokens.
  public let columns: [[Int]]
  public let batch: Batch

  /// - Throws: `InputError` for rows of different lengths, a mask of the wrong shape, or an id outside the vocabulary.
  public init(
    ids: [[Int]], mask: Mask = .all, tokenTypes: [[Int]]? = nil, positionIDs: [[Int]]? = nil,
    _ configuration: DebertaConfiguration
  ) throws(InputError) {
    let length = ids.first?.count ?? 0
    self.length = length
    try Self.check(ids, "input_ids", rows: ids.count, length: length, below: configuration.vocabularySize)
    if let tokenTypes {
      let limit = max(configuration.typeVocabularySize, 1)
      try Self.check(tokenTypes, "token_type_ids", rows: ids.count, length: length, below: limit)
    }
    if let positionIDs {
      guard configuration.addsAbsolutePositions else { throw .noPositions(name: "position_ids") }
      try Self.check(
        positionIDs, "position_ids", rows: ids.count, length: length, below: configuration.maximumPositions)
    }
    switch mask {
    case .all: columns = ids.map { Array($0.indices) }
    case .tokens(let mask):
      try Self.check(mask, "attention_mask", rows: ids.count, length: length, below: 2)
      columns = mask.map { row in row.indices.filter { row[$0] != 0 } }
    case .pairs(let mask):
      guard mask.count == ids.count else {
        throw .shape(name: "attention_mask", expected: [ids.count, length, length], found: [mask.count])
      }
      for row in mask { try Self.check(row, "attention_mask", rows: length, length: length, below: 2) }
      columns = mask.map { row in
        row.indices.filter { token in row[token].contains(1) || row.contains { $0[token] == 1 } }
      }
    }
    let kept = columns
    batch = Batch(
      sequences: ids.indices.map { row in
        let kept = kept[row]
        var visible: [UInt8]?
        if case .pairs(let mask) = mask {
          visible = kept.flatMap { query in kept.map { UInt8(mask[row][query][$0]) } }
        }
        return Batch.Sequence(
          ids: kept.map { Int32(ids[row][$0]) }, tokenTypes: kept.map { Int32(tokenTypes?[row][$0] ?? 0) },
          positions: kept == Array(0..<kept.count) ? nil : kept.map(Int32.init), visible: visible,
          positionIDs: positionIDs.map { all in kept.map { Int32(all[row][$0]) } })
      })
  }

  private static func check(
    _ values: [[Int]], _ name: String, rows: Int, length: Int, below limit: Int
  ) throws(InputError) {
    guard values.count == rows else { throw .shape(name: name, expected: [rows, length], found: [values.count]) }
    if let odd = values.first(where: { $0.count != length }) {
      throw .shape(name: name, expected: [rows, length], found: [rows, odd.count])
    }
    for (row, line) in values.enumerated() {
      for (column, value) in line.enumerated() where value < 0 || value >= limit {
        throw .value(name: name, row: row, column: column, value: value, limit: limit)
      }
    }
  }
}

/// Why an input cannot be used.
public enum InputError: Error, Sendable, CustomStringConvertible {
  case shape(name: String, expected: [Int], found: [Int])
  case value(name: String, row: Int, column: Int, value: Int, limit: Int)
  case tooLong(tokens: Int, limit: Int)
  case noPositions(name: String)

  public var description: String {
    switch self {
    case .shape(let name, let expected, let found):
      "'\(name)' has the shape \(found); expected \(expected), the shape that 'input_ids' gives."
    case .value(let name, let row, let column, let value, let limit):
      "'\(name)' holds \(value) at row \(row), column \(column); expected 0 to \(limit - 1). "
        + "Was the input made for another model?"
    case .noPositions(let name):
      "'\(name)' has no effect on this model: it adds no absolute positions (position_biased_input is false). Leave it "
        + "out."
    case .tooLong(let tokens, let limit):
      "A text has \(tokens) tokens, but this model adds absolute positions and has \(limit) of them. "
        + "Cut the text with a maximum length."
    }
  }
}
