public import Tensors

/// Embeddings inserted as tokens before a sequence or after its first token.
public struct Prompt: Sendable {
  /// [P, H]; for words [P, E].
  let embeddings: Tensor
  let stage: Stage
  let followsFirstToken: Bool

  /// Where in the model the embeddings are inserted.
  public enum Stage: Sendable, Hashable {
    /// Word embeddings: absolute positions, projection and norm follow.
    case words
    /// Hidden states, as read by the first layer.
    case hidden
  }

  /// P
  var length: Int { embeddings.rows }

  public init(embeddings: Tensor, stage: Stage = .hidden, followsFirstToken: Bool) {
    self.embeddings = embeddings
    self.stage = stage
    self.followsFirstToken = followsFirstToken
  }

  /// The number of the sequence's tokens before the prompt.
  func start(in sequence: Batch.Sequence) -> Int { followsFirstToken ? min(1, sequence.ids.count) : 0 }

  /// The sequence with the prompt inserted; prompt tokens have id 0.
  func lengthened(_ sequence: Batch.Sequence) -> Batch.Sequence {
    if sequence.ids.isEmpty { return sequence }
    let (start, count) = (start(in: sequence), embeddings.rows)
    func inserted<Value>(_ new: [Value], into own: [Value]) -> [Value] { own[..<start] + new + own[start...] }
    let positions = sequence.positions.map { own in
      let first = start == 0 ? 0 : own[0] + 1
      return inserted((0..<count).map { first + Int32($0) }, into: own).enumerated().map { index, position in
        index < start + count ? position : position + Int32(count)
      }
    }
    let visible = sequence.visible.map { own in
      let size = sequence.ids.count
      let everywhere = [UInt8](repeating: 1, count: size + count)
      var rows = (0..<size).map { row in
        inserted([UInt8](repeating: 1, count: count), into: Array(own[row * size..<(row + 1) * size]))
      }
      rows.insert(contentsOf: Array(repeating: everywhere, count: count), at: start)
      return rows.flatMap { $0 }
    }
    return Batch.Sequence(
      ids: inserted([Int32](repeating: 0, count: count), into: sequence.ids),
      tokenTypes: inserted([Int32](repeating: 0, count: count), into: sequence.tokenTypes), positions: positions,
      visible: visible, prompt: start..<start + count, embeddings: sequence.embeddings)
  }
}
