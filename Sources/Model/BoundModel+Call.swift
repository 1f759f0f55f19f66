public import AdapterMethods
public import Deberta
public import Heads
public import Tensors

/// The tokens for which token heads return logits.
public enum AnsweredTokens: Sendable, Hashable {
  /// All tokens, including a prompt's.
  case all
  /// The tokens of the text, without a prompt's.
  case text
  /// Masked language models: the text's tokens with this id, such as that of `[MASK]`. Other heads: all of the text's.
  case masks(Int32)
  /// Positions in the text, for each row of the input.
  case places([[Int]])
}

/// The hidden states of a batch after the lowest layers, in which the setup has no adapters.
public struct PrefixStates {
  /// [T, H], the concatenated rows of the batch.
  public let states: Tensor
  /// The number of layers already run.
  public let layers: Int

  public init(_ states: Tensor, layers: Int) {
    self.states = states
    self.layers = layers
  }
}

extension BoundModel {
  /// Runs a batch through the encoder with the adapters of a setup, and through heads.
  ///
  /// - Parameters:
  ///   - batch: sequences of token ids.
  ///   - setup: the adapters to apply.
  ///   - heads: names of heads, each of which answers all rows; under Parallel the j-th head answers the j-th
  ///     repetition of the rows. Nil: the heads that follow the adapters (`Composition.head`), for their rows.
  ///   - tokens: the tokens for which token heads return logits.
  ///   - states: the tokens whose last hidden states the output holds. If only answers are needed, request the first:
  ///     sequence heads read no others, and the last layer skips tokens that nobody reads.
  ///   - prefix: the batch's states after the lowest layers; nil runs these layers.
  ///   - pass: the kernels, threads, tape and trace.
  /// - Throws: `CompositionError`, `ModelError`, `InputError`; `MemoryError`, if the batch cannot fit into memory.
  public func callAsFunction(
    _ batch: Batch, _ setup: Setup, heads: [String]? = nil, answering tokens: AnsweredTokens = .all,
    states: AskedTokens = .all, from prefix: PrefixStates? = nil, on pass: Pass
  ) throws -> ModelOutput {
    let lowered = try lowered(setup, batch, on: pass)
    return try run(
      batch, lowered.plan, answering(heads, lowered.repetitions), answering: tokens, states: states, from: prefix,
      on: pass)
  }

  /// Runs rows that each have their own adapters and heads.
  ///
  /// - Parameters:
  ///   - batch: one sequence of token ids for each of `rows`.
  ///   - rows: the composition for each sequence, and the names of the heads that answer it.
  ///   - tokens: the tokens for which token heads return logits.
  ///   - states: the tokens whose last hidden states the output holds.
  ///   - pass: the kernels, threads, tape and trace.
  /// - Throws: the same errors as the call for one setup.
  public func callAsFunction(
    _ batch: Batch, rows: [(composition: Composition?, heads: [String])], answering tokens: AnsweredTokens = .all,
    states: AskedTokens = .all, on pass: Pass
  ) throws -> ModelOutput {
    let lowered = try lowered(.rows(rows.map(\.composition)), batch, on: pass)
    var members: [String: [Int]] = [:]
    for (row, heads) in rows.map(\.heads).enumerated() {
      for head in heads { members[head, default: []].append(row) }
    }
    if let name = members.keys.first(where: { heads[$0] == nil }) { throw unknown(head: name) }
    let answering = members.sorted { $0.key < $1.key }.map { AnsweringHead(label: $0, head: $0, rows: $1) }
    return try run(batch, lowered.plan, answering, answering: tokens, states: states, on: pass)
  }

  private func run(
    _ batch: Batch, _ plan: AdapterPlan, _ answering: [AnsweringHead], answering tokens: AnsweredTokens,
    states: AskedTokens, from prefix: PrefixStates? = nil, on pass: Pass
  ) throws -> ModelOutput {
    try check(batch)
    let names = answering.map(\.head)
    let inverses = try embeddingInverses(plan, for: names)
    try check(batch, plan, for: names)
    try encoder.requireMemory(for: batch, plan, on: pass)
    let read = AskedTokens(readBy: names.compactMap { self.heads[$0]?.settings.kind })
    let asked = read == .all ? .all : states
    let encoded =
      if let prefix {
        encoder(prefix.states, afterLayers: prefix.layers, of: batch, plan, asked: asked, on: pass)
      } else {
        encoder(batch, plan, asked: asked, on: pass)
      }
    let rows = PassRows(encoded, plan, tokens, inverses)
    let answers = try answering.compactMap { answering -> (name: String, output: HeadOutput)? in
      guard let head = self.heads[answering.head] else { return nil }
      let own = answering.rows.map { plan.order[$0] }
      var read = rows
      if let positions = head.queryPositions, own.contains(where: { !rows.answered($0, by: .maskedLM).isEmpty }) {
        read.hidden = encoder.enhanced(encoded, plan, positions: positions, on: pass)
      }
      let adaptation = HeadAdaptation(plan, rows: own, on: pass)
      return (answering.label, try HeadOutput(head, read, answering.rows, adaptedBy: adaptation, on: pass))
    }
    return ModelOutput(rows, answers, trace: pass.trace)
  }

  /// The plan of a setup for a batch.
  public func lowered(_ setup: Setup, _ batch: Batch, on pass: Pass) throws -> LoweredSetup {
    if let merged, setup.names(merged) { throw ModelError.mergedAndActive(name: merged) }
    return try lowering(setup, lengths: batch.sequences.map(\.ids.count), on: pass)
  }

  /// For each row of the pass, the hook that undoes the change of its embeddings before a decoder; empty if none is
  /// needed.
  private func embeddingInverses(_ plan: AdapterPlan, for names: [String]) throws -> [(any StateHook)?] {
    guard plan.changesEmbeddings, let name = names.first(where: { heads[$0]?.decoderInputs != nil }) else { return [] }
    guard let inverses = plan.embeddingInverses() else { throw ModelError.maskedLMOfChangedEmbeddings(head: name) }
    for name in names {
      if let width = heads[name]?.decoderInputs, width != encoder.configuration.hiddenSize {
        throw ModelError.decoderOfOtherWidth(head: name, found: width, expected: encoder.configuration.hiddenSize)
      }
    }
    return inverses
  }

  /// Checks the length limit of enhanced mask decoders, which add absolute positions even if the encoder does not.
  private func check(_ batch: Batch, _ plan: AdapterPlan, for names: [String]) throws(InputError) {
    let words = plan.groups.map(\.hooks.hooks.wordPromptLength).max() ?? 0
    let shape = encoder.configuration
    if shape.addsAbsolutePositions, words > 0 {
      for sequence in batch.sequences where sequence.length + words > shape.maximumPositions {
        throw .tooLong(tokens: sequence.ids.count, limit: shape.maximumPositions - words)
      }
    }
    guard let limit = names.compactMap({ heads[$0]?.queryPositions?.rows }).min() else { return }
    let prompt = plan.groups.map(\.hooks.hooks.promptLength).max() ?? 0
    for sequence in batch.sequences where sequence.length + prompt > limit {
      throw .tooLong(tokens: sequence.ids.count, limit: limit - prompt)
    }
  }

  private func check(_ batch: Batch) throws(InputError) {
    let shape = encoder.configuration
    for (row, sequence) in batch.sequences.enumerated() {
      if let column = sequence.ids.firstIndex(where: { $0 < 0 || $0 >= shape.vocabularySize }) {
        throw .value(
          name: "ids", row: row, column: column, value: Int(sequence.ids[column]), limit: shape.vocabularySize)
      }
      let count = sequence.ids.count
      guard sequence.tokenTypes.count == count else {
        throw .shape(name: "token_type_ids", expected: [count], found: [sequence.tokenTypes.count])
      }
      if let own = sequence.embeddings, own.columns != shape.embeddingSize {
        throw .shape(name: "inputs_embeds", expected: [count, shape.embeddingSize], found: [own.rows, own.columns])
      }
      if let positions = sequence.positionIDs {
        guard shape.addsAbsolutePositions else { throw .noPositions(name: "position_ids") }
        guard positions.count == count else {
          throw .shape(name: "position_ids", expected: [count], found: [positions.count])
        }
        if let column = positions.firstIndex(where: { $0 < 0 || $0 >= shape.maximumPositions }) {
          throw .value(
            name: "position_ids", row: row, column: column, value: Int(positions[column]), limit: shape.maximumPositions
          )
        }
      }
      if let limit = shape.longestText, sequence.length > limit {
        throw .tooLong(tokens: sequence.ids.count, limit: limit)
      }
    }
  }
}

extension Batch.Sequence {
  /// The number of columns of the input up to the last token.
  fileprivate var length: Int { (positions?.last).map { Int($0) + 1 } ?? ids.count }
}

extension AskedTokens {
  /// The tokens read by heads of the given kinds.
  public init(readBy kinds: [HeadKind]) { self = kinds.contains(where: \.answersTokens) ? .all : .first }
}
