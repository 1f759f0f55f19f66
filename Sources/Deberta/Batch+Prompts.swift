internal import Tensors

extension Batch {
  /// The batch with its row groups' prompts inserted among the word embeddings.
  func prompted(_ groups: [AdapterPlan.Group]) -> Batch {
    let prompts = prompts(groups, .words)
    guard prompts.contains(where: { $0 != nil }) else { return self }
    return Batch(sequences: zip(sequences, prompts).map { $1?.lengthened($0) ?? $0 })
  }

  /// The batch and its embeddings x [T, H], with its row groups' prompts inserted among the hidden states.
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

  /// The prompt of each sequence's row group.
  private func prompts(_ groups: [AdapterPlan.Group], _ stage: Prompt.Stage) -> [Prompt?] {
    groups.flatMap { group in
      let prompt = group.hooks.hooks.prompt
      return group.rows.map { _ in prompt?.stage == stage ? prompt : nil }
    }
  }
}
