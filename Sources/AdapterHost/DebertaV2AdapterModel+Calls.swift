public import AdapterMethods
public import Deberta
internal import Heads
public import Tensors

extension DebertaV2AdapterModel {
  /// Which adapters act in a call.
  public enum Setup: Sendable {
    /// The active ones.
    case active
    /// One composition for all rows; nil is the base model.
    case composition(Composition?)
    /// A composition for each row, in any order and of any methods.
    case rows([Composition?])
  }

  /// The tokens that masked language models answer.
  public enum AnsweredTokens: Sendable, Hashable {
    case all
    /// Those of one id, such as that of `[MASK]`.
    case only(Int32)
  }

  /// Runs sequences of token ids, without padding.
  public func callAsFunction(
    _ ids: [[Int32]], setup: Setup = .active, heads: [String]? = nil, words: AnsweredTokens = .all,
    states: AskedTokens = .all, trace: Trace? = nil
  ) throws -> ModelOutput {
    try self(Batch(ids), setup: setup, heads: heads, words: words, states: states, trace: trace)
  }

  /// Runs a batch through the encoder, with the adapters of a setup, and through heads.
  ///
  /// - Parameters:
  ///   - batch: sequences of token ids.
  ///   - setup: which adapters act.
  ///   - heads: names of heads, of which each answers all rows, and under Parallel the j-th the j-th repetition of
  ///     the rows; nil: the active ones, or else those that follow the adapters (`Composition.head`), for their rows.
  ///   - words: the tokens for which heads that are masked language models predict words.
  ///   - states: the tokens whose last hidden states the output holds. Where answers alone are wanted, ask for the
  ///     first: heads of sequences read no others, and the last layer is not run for what nobody reads.
  ///   - trace: what else is recorded.
  /// - Throws: `CompositionError`, `ModelError`, `InputError`; `MemoryError`, if the batch cannot fit.
  public func callAsFunction(
    _ batch: Batch, setup: Setup = .active, heads: [String]? = nil, words: AnsweredTokens = .all,
    states: AskedTokens = .all, trace: Trace? = nil
  ) throws -> ModelOutput {
    try check(batch)
    let pass = Pass(compute, trace: trace)
    let lowering = Lowering(encoder, adapters: bound, fusions: boundFusions, on: pass)
    let lengths = batch.sequences.map(\.ids.count)
    let plan: AdapterPlan
    let repetitions: [[Composition?]]
    switch setup {
    case .active, .composition:
      let composition = if case .composition(let given) = setup { given } else { activeAdapters }
      try refuseMerged(in: [composition])
      plan = try lowering.plan(composition, rows: lengths.count, lengths: lengths)
      repetitions =
        try composition?.repetitions(rows: lengths.count) ?? [Array(repeating: nil, count: lengths.count)]
    case .rows(let rows):
      guard rows.count == batch.sequences.count else {
        throw CompositionError.rows(expected: rows.count, found: batch.sequences.count)
      }
      try refuseMerged(in: rows)
      plan = try lowering.plan(rows: rows, lengths: lengths)
      repetitions = [rows]
    }
    let answering = try answering(heads ?? activeHeads, repetitions)
    let names = answering.map(\.head)
    let inverses = try embeddingInverses(plan, for: names)
    try check(batch, plan, for: names)
    let read = AskedTokens(readBy: names.compactMap { self.heads[$0]?.settings.kind })
    try encoder.requireMemory(for: batch, plan, on: pass)
    let encoded = encoder(batch, plan, asked: read == .all ? .all : states, on: pass)
    let rows = EncodedRows(
      hidden: encoded.hidden, batch: encoded.batch, order: plan.order, words: words, inverses: inverses)
    let answers = answers(answering, rows, on: pass) { positions in
      encoder.enhanced(encoded, plan, positions: positions, on: pass)
    }
    return ModelOutput(rows, heads: answers, trace: trace)
  }

  /// For each row of the pass, what undoes the change of its embeddings before a decoder; empty where none is asked.
  private func embeddingInverses(_ plan: AdapterPlan, for names: [String]) throws -> [(any StateHook)?] {
    guard plan.changesEmbeddings, let name = names.first(where: { heads[$0]?.decoderInputs != nil }) else { return [] }
    guard let inverses = plan.embeddingInverses() else { throw ModelError.maskedLMOfChangedEmbeddings(head: name) }
    for name in names {
      if let width = heads[name]?.decoderInputs, width != configuration.hiddenSize {
        throw ModelError.decoderOfOtherWidth(head: name, found: width, expected: configuration.hiddenSize)
      }
    }
    return inverses
  }

  /// Heads that are enhanced mask decoders have absolute positions, as a model without such heads may have.
  private func check(_ batch: Batch, _ plan: AdapterPlan, for names: [String]) throws(InputError) {
    guard let limit = names.compactMap({ heads[$0]?.queryPositions?.rows }).min() else { return }
    let prompt = plan.groups.map(\.hooks.hooks.promptLength).max() ?? 0
    for sequence in batch.sequences where sequence.length + prompt > limit {
      throw .tooLong(tokens: sequence.ids.count, limit: limit - prompt)
    }
  }

  private func check(_ batch: Batch) throws {
    for (row, sequence) in batch.sequences.enumerated() {
      if let column = sequence.ids.firstIndex(where: { $0 < 0 || $0 >= configuration.vocabularySize }) {
        throw InputError.value(
          name: "ids", row: row, column: column, value: Int(sequence.ids[column]), limit: configuration.vocabularySize)
      }
      if configuration.addsAbsolutePositions, sequence.length > configuration.maximumPositions {
        throw InputError.tooLong(tokens: sequence.ids.count, limit: configuration.maximumPositions)
      }
    }
  }

  /// An adapter in the weights and in a setup would act twice.
  private func refuseMerged(in compositions: [Composition?]) throws {
    if let mergedAdapter, compositions.contains(where: { $0?.adapters.contains(mergedAdapter) == true }) {
      throw ModelError.mergedAndActive(name: mergedAdapter)
    }
  }

  /// The heads of a call: those that are requested, or those that follow the adapters.
  ///
  /// - Parameters:
  ///   - requested: names of heads; nil: those that follow.
  ///   - repetitions: what acts on each row, for each repetition of the rows.
  /// - Throws: `ModelError.unknownHead`; `.headsOfParallel`, if a head follows none of several repetitions.
  func answering(_ requested: [String]?, _ repetitions: [[Composition?]]) throws -> [AnsweringHead] {
    guard let requested else { return AnsweringHead.following(repetitions, named: head(following:)) }
    for name in requested where heads[name] == nil { throw unknown(head: name) }
    guard let answering = AnsweringHead.requested(requested, repetitions, named: head(following:)) else {
      throw ModelError.headsOfParallel(heads: requested, repetitions: repetitions.count)
    }
    return answering
  }

  /// - Parameter enhanced: the hidden states that an enhanced mask decoder of some positions reads.
  private func answers(
    _ answering: [AnsweringHead], _ encoded: EncodedRows, on pass: Pass, enhanced: (Tensor) -> Tensor
  ) -> [(name: String, output: HeadOutput)] {
    answering.compactMap { answering in
      guard let head = heads[answering.head] else { return nil }
      let rows = answering.rows.map { encoded.order[$0] }
      var read = encoded
      if let positions = head.queryPositions,
        rows.contains(where: { !encoded.answered(row: $0, by: .maskedLM).isEmpty })
      {
        read = encoded.reading(enhanced(positions))
      }
      return (answering.label, HeadOutput(head, read, rows: rows, on: pass))
    }
  }
}

extension Batch.Sequence {
  /// The columns of the input up to the last token.
  fileprivate var length: Int { (positions?.last).map { Int($0) + 1 } ?? ids.count }
}
