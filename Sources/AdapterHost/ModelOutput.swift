internal import Deberta
public import Heads
public import Tensors

/// Hidden states of a pass, in the order of its row groups.
struct EncodedRows: Sendable {
  /// [T, H]
  let hidden: Tensor
  let batch: Batch
  /// For each row of the output, its row here.
  let order: [Int]
  /// The tokens that masked language models answer.
  let words: DebertaV2AdapterModel.AnsweredTokens
  /// For each row, what undoes the change of its embeddings; empty where nothing is undone.
  let inverses: [(any StateHook)?]

  /// The same rows with other hidden states.
  func reading(_ hidden: Tensor) -> EncodedRows {
    EncodedRows(hidden: hidden, batch: batch, order: order, words: words, inverses: inverses)
  }

  /// Undoes the change of the embeddings in states of some rows; nil where nothing is undone.
  ///
  /// - Parameter ranges: where the states of each row lie.
  func undo(_ rows: [Int], _ ranges: [Range<Int>], on pass: Pass) -> ((Tensor) -> Void)? {
    if inverses.isEmpty { return nil }
    return { states in
      for (row, range) in zip(rows, ranges) where !range.isEmpty {
        let site = Site(layer: -1, segment: Segment(sequences: row..<row + 1, rows: [0..<range.count]))
        inverses[row]?.edit(states.rows(range), at: site, on: pass)
      }
    }
  }

  /// The tokens of a row that a head answers, counted in the row.
  func answered(row: Int, by kind: HeadKind) -> [Int] {
    let sequence = batch.sequences[row]
    if kind == .maskedLM, case .only(let id) = words {
      // The ids of a prompt's tokens stand for no words.
      return sequence.ids.indices.filter { sequence.ids[$0] == id && !sequence.prompt.contains($0) }
    }
    return Array(sequence.ids.indices)
  }
}

/// What a model gives for a batch.
public struct ModelOutput {
  private let encoded: EncodedRows
  /// The answers of the heads, in the order in which they were asked.
  public let answers: [(name: String, output: HeadOutput)]
  /// What was asked to be recorded.
  public let trace: Trace?

  init(_ encoded: EncodedRows, heads: [(name: String, output: HeadOutput)], trace: Trace?) {
    self.encoded = encoded
    answers = heads
    self.trace = trace
  }

  /// The answers by the heads' names.
  public var heads: [String: HeadOutput] { Dictionary(answers.map { ($0.name, $0.output) }) { first, _ in first } }

  /// The number of rows; Parallel has repeated them.
  public var rowCount: Int { encoded.order.count }

  /// The last hidden states of one row, [tokens, H]; [1, H] where the first token's alone were
  /// asked for and no head, trace or hook looks at the others.
  public func hiddenStates(row: Int) -> Tensor { states(encoded.hidden, row: row) }

  /// A row's part of packed states of this pass, such as a trace holds.
  public func states(_ packed: Tensor, row: Int) -> Tensor {
    packed.rows(encoded.batch.tokens(of: encoded.order[row]))
  }

  /// The number of a row's tokens, with those of a prompt.
  func tokenCount(row: Int) -> Int { encoded.batch.tokens(of: encoded.order[row]).count }

  /// Which of a row's tokens are a prompt's; empty without one.
  public func promptTokens(row: Int) -> Range<Int> { encoded.batch.sequences[encoded.order[row]].prompt }

  /// The row of a trace's lists, which are in the order of the pass.
  public func passRow(_ row: Int) -> Int { encoded.order[row] }
}

/// The logits of one head.
public struct HeadOutput: Sendable {
  public let settings: HeadSettings
  /// [rows, labels], or [answered tokens of all rows, labels] for heads that answer tokens.
  public let logits: Tensor
  /// Where each row's logits lie.
  public let rows: [Range<Int>]
  /// For heads that answer tokens, each row's tokens that have logits: all, unless a masked language model was asked
  /// for some. Empty for other heads.
  public let tokens: [[Int]]

  init(_ head: PredictionHead, _ encoded: EncodedRows, rows: [Int], on pass: Pass) {
    settings = head.settings
    if settings.kind.answersTokens {
      let tokens = rows.map { encoded.answered(row: $0, by: head.settings.kind) }
      var starts = [0]
      for own in tokens { starts.append(starts[starts.count - 1] + own.count) }
      let ranges = zip(starts, starts.dropFirst()).map { $0..<$1 }
      self.tokens = tokens
      self.rows = ranges
      let packed = zip(rows, tokens).flatMap { row, tokens in
        tokens.map { encoded.batch.tokens(of: row).lowerBound + $0 }
      }
      let hidden = pass.gather(encoded.hidden, rows: packed)
      logits = head(hidden, starts: starts, on: pass, beforeDecoder: encoded.undo(rows, ranges, on: pass))
    } else {
      self.tokens = []
      let tokens = rows.map { encoded.batch.tokens(of: $0) }
      // A row without tokens has no first one; it gets the logits of hidden states of 0.
      let first = pass.tensor(rows: rows.count, columns: encoded.hidden.columns)
      for (row, range) in tokens.enumerated() {
        let state = first.rows(row..<row + 1)
        if range.isEmpty {
          state.pointer.update(repeating: 0, count: state.columns)
        } else {
          pass.copy(encoded.hidden.rows(range.lowerBound..<range.lowerBound + 1), into: state)
        }
      }
      self.rows = rows.indices.map { $0..<$0 + 1 }
      logits = head(first, starts: Array(0...rows.count), on: pass)
    }
  }

  /// The logits of one row: [1, labels] or [tokens, labels].
  public func logits(row: Int) -> Tensor { logits.rows(rows[row]) }
}

/// Why a model cannot do what it was asked.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  case exists(kind: String, name: String)
  case unknownHead(name: String, nearest: [String])
  case merged(other: String, name: String)
  case mergedAndActive(name: String)
  case notMergeable(name: String)
  case maskedLMOfChangedEmbeddings(head: String)
  case decoderOfOtherWidth(head: String, found: Int, expected: Int)
  case enhancedDecoder(head: String)
  case headsOfParallel(heads: [String], repetitions: Int)
  case cannotCreate(folder: String, reason: String)

  public var description: String {
    switch self {
    case .exists(let kind, let name):
      "There is already \(kind == "adapter" ? "an" : "a") \(kind) called '\(name)'; delete it first, or allow overwriting."
    case .unknownHead(let name, let nearest):
      "No head is called '\(name)'"
        + (nearest.isEmpty ? "." : "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?")
    case .merged(let other, let name):
      "'\(name)' cannot be merged while '\(other)' is; reset that one first."
    case .mergedAndActive(let name):
      "'\(name)' is merged into the weights and named in the setup; it would act twice. Reset it, or leave it out."
    case .notMergeable(let name):
      "'\(name)' cannot be merged: only methods whose effect is a change of weights can, not bottlenecks or gates."
    case .maskedLMOfChangedEmbeddings(let head):
      "The head '\(head)' predicts words, but the setup changes the embeddings in a way that nothing undoes before "
        + "its decoder: a weighted sum of invertible adapters has no inverse. Ask for another head, or a Stack of them."
    case .decoderOfOtherWidth(let head, let found, let expected):
      "The head '\(head)' predicts words from \(found) features, but an invertible adapter works on \(expected): it "
        + "cannot be undone before the decoder. Ask for another head, or no such adapter."
    case .enhancedDecoder(let head):
      "The head '\(head)' decodes with the model's last layer and absolute positions (Microsoft's enhanced mask "
        + "decoder), which files of heads cannot describe; it stays with its checkpoint."
    case .headsOfParallel(let heads, let repetitions):
      "Under Parallel each head answers one of the \(repetitions) adapters, but there are \(heads.count) heads: "
        + "\(heads.joined(separator: ", ")). Name \(repetitions) of them."
    case .cannotCreate(let folder, let reason): "The folder \(folder) cannot be made (\(reason))."
    }
  }
}
