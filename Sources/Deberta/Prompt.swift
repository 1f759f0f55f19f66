public import Tensors

/// Embeddings that stand before the tokens of a sequence, or after its first one, and are tokens from there on.
public struct Prompt: Sendable {
  /// [P, H]; of words [P, E].
  let embeddings: Tensor
  let stage: Stage
  let followsFirstToken: Bool

  /// What the embeddings are like.
  public enum Stage: Sendable, Hashable {
    /// Word embeddings: absolute positions, projection and norm follow.
    case words
    /// Hidden states, as the first layer reads them.
    case hidden
  }

  /// P
  var length: Int { embeddings.rows }

  public init(embeddings: Tensor, stage: Stage = .hidden, followsFirstToken: Bool) {
    self.embeddings = embeddings
    self.stage = stage
    self.followsFirstToken = followsFirstToken
  }

  /// The number of a sequence's own tokens that stand before the prompt.
  fileprivate func start(in sequence: Batch.Sequence) -> Int { followsFirstToken ? min(1, sequence.ids.count) : 0 }

  /// The sequence with the prompt in it; the id of a prompt's token is 0.
  fileprivate func lengthened(_ sequence: Batch.Sequence) -> Batch.Sequence {
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

extension Batch {
  /// The batch with the prompts of its row groups that stand among the words.
  func prompted(_ groups: [AdapterPlan.Group]) -> Batch {
    let prompts = prompts(groups, .words)
    guard prompts.contains(where: { $0 != nil }) else { return self }
    return Batch(sequences: zip(sequences, prompts).map { $1?.lengthened($0) ?? $0 })
  }

  /// The batch, and its embeddings x [T, H], with the prompts of its row groups that stand among the hidden states.
  func prompted(_ x: Tensor, _ groups: [AdapterPlan.Group], on pass: Pass) -> (Batch, Tensor) {
    let prompts = prompts(groups, .hidden)
    guard prompts.contains(where: { $0 != nil }) else { return (self, x) }
    let batch = Batch(sequences: zip(sequences, prompts).map { $1?.lengthened($0) ?? $0 })
    let y = pass.tensor(rows: batch.tokenCount, columns: x.columns)
    for (row, prompt) in prompts.enumerated() {
      let (from, to) = (tokens(of: row), batch.tokens(of: row))
      guard let prompt, !from.isEmpty else {
        pass.copy(x.rows(from), into: y.rows(to))
        continue
      }
      let start = prompt.start(in: sequences[row])
      let (first, rest) = (to.lowerBound + start, to.lowerBound + start + prompt.embeddings.rows)
      pass.copy(x.rows(from.lowerBound..<from.lowerBound + start), into: y.rows(to.lowerBound..<first))
      pass.copy(prompt.embeddings, into: y.rows(first..<rest))
      pass.copy(x.rows(from.lowerBound + start..<from.upperBound), into: y.rows(rest..<to.upperBound))
    }
    return (batch, y)
  }

  /// For each sequence the prompt of its row group.
  private func prompts(_ groups: [AdapterPlan.Group], _ stage: Prompt.Stage) -> [Prompt?] {
    groups.flatMap { group in
      let prompt = group.hooks.hooks.prompt
      return group.rows.map { _ in prompt?.stage == stage ? prompt : nil }
    }
  }
}
