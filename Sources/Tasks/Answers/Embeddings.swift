public import Tensors

/// How hidden states become one vector per text.
public struct EmbeddingOptions: Sendable, Hashable {
  public enum Pooling: String, Sendable, Hashable, CaseIterable, Codable {
    /// The mean over all tokens, including `[CLS]` and `[SEP]`, as in sentence-transformers.
    case mean
    /// The first token, `[CLS]`.
    case cls
  }

  public var pooling: Pooling
  /// The layer whose hidden states are read: 0 is the output of the embeddings, -1 the last layer, as in Python; nil:
  /// the last layer.
  public var layer: Int?
  /// Whether vectors are normalized to length 1.
  public var normalize: Bool

  public init(pooling: Pooling = .mean, layer: Int? = nil, normalize: Bool = false) {
    self.pooling = pooling
    self.layer = layer
    self.normalize = normalize
  }

  /// The vector of a text.
  ///
  /// - Parameters:
  ///   - states: hidden states [tokens, H].
  ///   - tokens: the rows of the text's tokens, in order; without a prompt's.
  /// - Returns: [H]; zeros without tokens.
  public func vector(of states: Tensor, tokens: [Int]) -> [Float] {
    let read = pooling == .cls ? Array(tokens.prefix(1)) : tokens
    var sums = [Double](repeating: 0, count: states.columns)
    for token in read {
      let row = states.pointer + token * states.stride
      for column in 0..<states.columns { sums[column] += Double(row[column]) }
    }
    var scale = 1 / Double(max(read.count, 1))
    if normalize {
      let length = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
      scale = length > 0 ? 1 / length : 0
    }
    return sums.map { Float($0 * scale) }
  }
}

extension [Float] {
  /// The cosine of the angle between two vectors of the same size; 0 if either has length 0.
  public func cosineSimilarity(to other: [Float]) -> Float {
    precondition(count == other.count, "vectors of \(count) and \(other.count) numbers are compared")
    func product(_ x: [Float], _ y: [Float]) -> Double { zip(x, y).reduce(0) { $0 + Double($1.0) * Double($1.1) } }
    let lengths = (product(self, self) * product(other, other)).squareRoot()
    return lengths > 0 ? Float(product(self, other) / lengths) : 0
  }
}
