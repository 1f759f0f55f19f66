internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Heads
internal import Model
internal import Synchronization
public import Tasks
internal import Tensors
internal import Tokenization

extension TextService {
  /// Computes one vector per text or, without pooling, one per token.
  ///
  /// - Throws: `ServiceError`, `EngineError`, `CancellationError`.
  public func embed(
    _ inputs: [Source], with setup: ServedSetup, pooling: EmbeddingOptions?, reading: Reading = Reading(),
    terms: Terms = Terms()
  ) async throws -> Vectors {
    let (rows, lease, duration) = try await workers.run(until: terms.deadline) { [self] isWanted in
      let start = ContinuousClock.now
      try checkLength(reading)
      let (_, lease) = try leased([setup.composition], setup.name)
      if let composition = setup.composition, try composition.branches().count != 1 {
        throw ServiceError.severalVectors(setup: composition.description)
      }
      var lengths: [Int] = []
      let rows = try inputs.enumerated().map { index, input in
        try isWanted.check()
        let row = try row(input, index: index, setup, reading)
        lengths.append(row.ids.count)
        try engine.check(lengths, terms.deadline)
        return row
      }
      return (rows, lease, ContinuousClock.now - start)
    }
    let answers = try await submit(rows, lease, terms)
    return try await workers.run { isWanted in
      let vectors = try answers.rows.map { answer -> [[Float]] in
        try isWanted.check()
        guard let states = answer.states, states.isFinite else {
          throw ServiceError.notFinite(what: "The encoder")
        }
        let tokens = (0..<states.rows).filter { !answer.promptTokens.contains($0) }
        if let pooling { return [pooling.vector(of: states, tokens: tokens)] }
        return tokens.map { states.rows($0..<$0 + 1).array }
      }
      return Vectors(
        vectors: vectors,
        timing: Timing(
          tokenization: duration, queued: answers.queued, computed: answers.computed,
          tokens: rows.reduce(0) { $0 + $1.ids.count }))
    }
  }

  private func row(_ source: Source, index: Int, _ setup: ServedSetup, _ reading: Reading) throws -> EngineRow {
    let limit = InputLength.limit(
      requested: reading.maximumLength, recorded: embeddingLength, tokenizer: tokenizer.maximumLength,
      advised: model.configuration.advisedLength)
    switch source {
    case .ids(let ids):
      guard !ids.isEmpty, ids.allSatisfy({ (0..<model.configuration.vocabularySize).contains($0) }) else {
        throw ServiceError.input(
          index: index, reason: "expected one token id or more, each below \(model.configuration.vocabularySize).")
      }
      if let limit, ids.count > limit {
        guard reading.truncates else { throw ServiceError.tooLong(index: index, tokens: ids.count, limit: limit) }
        return EngineRow(ids: ids.prefix(limit).map { Int32($0) }, composition: setup.composition, states: .all)
      }
      return EngineRow(ids: ids.map { Int32($0) }, composition: setup.composition, states: .all)
    case .text(let text, let pair):
      let encoding: Encoding
      do { encoding = try tokenizer.encode(text, pair: pair, maximumLength: limit) } catch {
        throw ServiceError.input(index: index, reason: "\(error)")
      }
      if !reading.truncates, encoding.truncatedTokens > 0 {
        throw ServiceError.tooLong(
          index: index, tokens: encoding.ids.count + encoding.truncatedTokens, limit: encoding.ids.count)
      }
      return EngineRow(
        ids: encoding.ids, tokenTypes: encoding.tokenTypeIDs, composition: setup.composition, states: .all)
    }
  }
}
