internal import Checkpoints
internal import Foundation
internal import Tensors
internal import Tokenization

/// What a masked language model expects in the place of one `[MASK]`.
public struct MaskedToken: Sendable, Hashable {
  /// The place among the tokens of the text, `[CLS]` counted.
  public let token: Int
  /// The likeliest pieces, the best one first.
  public let predictions: [ScoredPiece]
}

/// A piece and its probability among all of the vocabulary.
public struct ScoredPiece: Sendable, Hashable {
  /// Nil for a row of the vocabulary that no piece of the tokenizer has.
  public let piece: String?
  public let id: Int32
  public let score: Float
}

extension MaskedToken {
  /// How many pieces are told.
  static let predictionCount = 5

  /// The masked tokens of one text.
  ///
  /// - Parameters:
  ///   - logits: a row for each of them, [masks, vocabulary], in their order.
  ///   - encoding: the tokens of the text.
  ///   - tokenizer: that of the encoding.
  static func all(_ logits: Tensor, _ encoding: Encoding, _ tokenizer: any Tokenizer) -> [MaskedToken] {
    let masks = encoding.ids.indices.filter { encoding.ids[$0] == tokenizer.maskID }
    return zip(masks, 0..<logits.rows).map { token, row in
      let best = logits.largest(predictionCount, row: row)
      return MaskedToken(
        token: token,
        predictions: best.map { id, score in
          ScoredPiece(piece: tokenizer.piece(of: Int32(id)), id: Int32(id), score: score)
        })
    }
  }
}

extension MaskedToken {
  /// `{"token": 3, "predictions": [{"piece": "...", "id": 12, "score": 0.5}, ...]}`
  var json: String {
    let pieces = predictions.map { prediction in
      JSONLine.object([
        ("piece", prediction.piece.map { JSONValue.string($0).line } ?? "null"), ("id", "\(prediction.id)"),
        ("score", JSONLine.score(prediction.score)),
      ])
    }
    return JSONLine.object([("token", "\(token)"), ("predictions", JSONLine.array(pieces))])
  }
}

extension Tensor {
  /// The columns of the largest values of a row, with their softmax; of equal values the first column leads.
  fileprivate func largest(_ count: Int, row: Int) -> [(column: Int, share: Float)] {
    let values = UnsafeBufferPointer(start: pointer + row * stride, count: columns)
    var best: [Int] = []
    for column in values.indices where best.count < count || values[column] > values[best[count - 1]] {
      let place = best.firstIndex { values[$0] < values[column] } ?? best.count
      best.insert(column, at: place)
      if best.count > count { best.removeLast() }
    }
    let largest = best.first.map { values[$0] } ?? 0
    let sum = values.reduce(into: 0.0) { $0 += Double(exp($1 - largest)) }
    return best.map { ($0, Float(Double(exp(values[$0] - largest)) / sum)) }
  }
}
