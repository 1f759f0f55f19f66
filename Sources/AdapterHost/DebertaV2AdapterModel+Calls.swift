public import AdapterMethods
public import Deberta
public import Model
public import Tensors

extension DebertaV2AdapterModel {
  /// Runs sequences of token ids, without padding.
  public func callAsFunction(
    _ ids: [[Int32]], setup: Setup? = nil, heads: [String]? = nil, answering tokens: AnsweredTokens = .all,
    states: AskedTokens = .all, trace: Trace? = nil
  ) throws -> ModelOutput {
    try self(Batch(ids), setup: setup, heads: heads, answering: tokens, states: states, trace: trace)
  }

  /// Runs a batch through the encoder with the adapters of a setup, and through heads.
  ///
  /// - Parameters:
  ///   - batch: sequences of token ids.
  ///   - setup: the adapters to apply; nil: the active ones.
  ///   - heads: names of heads, each of which answers all rows; under Parallel the j-th head answers the j-th
  ///     repetition of the rows. Nil: the active ones, or else those that follow the adapters (`Composition.head`), for
  ///     their rows.
  ///   - tokens: the tokens for which token heads return logits.
  ///   - states: the tokens whose last hidden states the output holds. If only answers are needed, request the first:
  ///     sequence heads read no others, and the last layer skips tokens that nobody reads.
  ///   - trace: what else to record.
  /// - Throws: `CompositionError`, `ModelError`, `InputError`; `MemoryError`, if the batch cannot fit into memory.
  public func callAsFunction(
    _ batch: Batch, setup: Setup? = nil, heads: [String]? = nil, answering tokens: AnsweredTokens = .all,
    states: AskedTokens = .all, trace: Trace? = nil
  ) throws -> ModelOutput {
    try bound(
      batch, setup ?? .composition(activeAdapters), heads: heads ?? activeHeads, answering: tokens, states: states,
      on: Pass(compute, trace: trace))
  }
}
