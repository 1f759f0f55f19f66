internal import Deberta
public import Heads
public import Tensors

/// The hidden states of a pass, in the order of its row groups.
struct PassRows {
  /// [T, H]
  var hidden: Tensor
  let batch: Batch
  /// For each output row, its row in the pass.
  let order: [Int]
  /// For each row of the pass, the input row.
  private let sources: [Int]
  private let tokens: AnsweredTokens
  /// For each row, the hook that undoes the change of its embeddings; empty if nothing is undone.
  private let inverses: [(any StateHook)?]

  init(_ encoded: EncoderOutput, _ plan: AdapterPlan, _ tokens: AnsweredTokens, _ inverses: [(any StateHook)?]) {
    hidden = encoded.hidden
    batch = encoded.batch
    order = plan.order
    sources = plan.sources
    self.tokens = tokens
    self.inverses = inverses
  }

  /// Undoes the change of the embeddings in the states of some rows; nil if there is nothing to undo.
  ///
  /// - Parameter ranges: the range of each row's states.
  func undo(_ rows: [Int], _ ranges: [Range<Int>], on pass: Pass) -> ((Tensor) -> Void)? {
    if inverses.isEmpty { return nil }
    return { states in
      for (row, range) in zip(rows, ranges) where !range.isEmpty {
        let site = Site(layer: -1, segment: Segment(sequences: row..<row + 1, rows: [0..<range.count]))
        inverses[row]?.edit(states.rows(range), at: site, on: pass)
      }
    }
  }

  /// The tokens of a row that a head answers, as indices in the row.
  func answered(_ row: Int, by kind: HeadKind) -> [Int] {
    let sequence = batch.sequences[row]
    let all = sequence.ids.indices
    if tokens == .all { return Array(all) }
    // The ids of prompt tokens do not stand for words.
    let text = sequence.prompt.isEmpty ? Array(all) : all.filter { !sequence.prompt.contains($0) }
    switch tokens {
    case .masks(let id) where kind == .maskedLM: return text.filter { sequence.ids[$0] == id }
    case .places(let places): return places[sources[row]].map { text[$0] }
    case .all, .text, .masks: return text
    }
  }
}

/// The result of a model for a batch.
public struct ModelOutput {
  private let pass: PassRows
  /// The heads' answers, in the order requested.
  public let answers: [(name: String, output: HeadOutput)]
  /// The recorded trace.
  public let trace: Trace?

  init(_ pass: PassRows, _ answers: [(name: String, output: HeadOutput)], trace: Trace?) {
    self.pass = pass
    self.answers = answers
    self.trace = trace
  }

  /// The answers by head name.
  public var heads: [String: HeadOutput] { Dictionary(answers.map { ($0.name, $0.output) }) { first, _ in first } }

  /// The number of rows, including repetitions by Parallel.
  public var rowCount: Int { pass.order.count }

  /// The last hidden states of all rows, [T, H], in the order of the pass.
  public var packedStates: Tensor { pass.hidden }

  /// The last hidden states of one row, [tokens, H]; [1, H] if only the first token's were requested and no head, trace
  /// or hook reads the others.
  public func hiddenStates(row: Int) -> Tensor { states(pass.hidden, row: row) }

  /// A row's part of this pass's packed states, such as those in a trace.
  public func states(_ packed: Tensor, row: Int) -> Tensor { packed.rows(packedRows(row)) }

  /// The range of a row's tokens in packed states.
  public func packedRows(_ row: Int) -> Range<Int> { pass.batch.tokens(of: pass.order[row]) }

  /// The number of a row's tokens, including a prompt's.
  public func tokenCount(row: Int) -> Int { packedRows(row).count }

  /// The range of a row's prompt tokens; empty without a prompt.
  public func promptTokens(row: Int) -> Range<Int> { pass.batch.sequences[pass.order[row]].prompt }

  /// The index of a row in a trace's lists, which are in the order of the pass.
  public func passRow(_ row: Int) -> Int { pass.order[row] }
}

/// The logits of one head.
public struct HeadOutput: Sendable {
  public let settings: HeadSettings
  /// [rows, labels], or [answered tokens of all rows, labels] for heads that answer tokens.
  public let logits: Tensor
  /// The range of each row's logits.
  public let rows: [Range<Int>]
  /// For token heads, the tokens of each row that have logits.
  ///
  /// Empty for other heads.
  public let tokens: [[Int]]
  /// The rows of the model's output that the head answers; this output's lists follow their order.
  public let answeredRows: [Int]

  /// - Parameter adaptation: the adapters on the head's layers.
  init(
    _ head: PredictionHead, _ read: PassRows, _ answeredRows: [Int], adaptedBy adaptation: HeadAdaptation?,
    on pass: Pass
  ) throws {
    settings = head.settings
    self.answeredRows = answeredRows
    let rows = answeredRows.map { read.order[$0] }
    if settings.kind.answersTokens {
      tokens = rows.map { read.answered($0, by: head.settings.kind) }
      let starts = tokens.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
      let runs = zip(starts, starts.dropFirst()).map { $0..<$1 }
      self.rows = runs
      let packed = zip(rows, tokens).flatMap { row, tokens in
        tokens.map { read.batch.tokens(of: row).lowerBound + $0 }
      }
      let states = pass.gather(read.hidden, rows: packed)
      logits = try head(
        states, starts: starts, on: pass, beforeDecoder: read.undo(rows, runs, on: pass),
        adapting: { try adaptation?.adapt($0, $1, $2, runs) })
    } else {
      tokens = []
      // A row without tokens has no first one; it gets the logits for hidden states of 0.
      let firsts = rows.map { row -> Int? in
        let own = read.batch.tokens(of: row)
        return own.isEmpty ? nil : own.lowerBound
      }
      let runs = rows.indices.map { $0..<$0 + 1 }
      self.rows = runs
      logits = try head(
        pass.gather(read.hidden, rows: firsts), starts: Array(0...rows.count), on: pass, beforeDecoder: nil,
        adapting: { try adaptation?.adapt($0, $1, $2, runs) })
    }
  }

  /// The logits of the n-th row that the head answers: [1, labels] or [tokens, labels].
  public func logits(row: Int) -> Tensor { logits.rows(rows[row]) }
}
