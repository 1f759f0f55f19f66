import AdapterHost
import Deberta
import TestSupport

/// One base of every kind: shared projections, none, a convolution, one term, no relative positions, absolute ones; of
/// v1 one whose heads keep to themselves, and one whose heads talk.
let bases = ["v3", "noshare", "v2conv", "p2c", "norel", "abs", "deberta-v1", "deberta-v1-talking"]

/// Those in which tokens know each other by their distance alone, in attention alone.
let relativeBases = ["v3", "noshare", "p2c", "deberta-v1", "deberta-v1-talking"]

extension DebertaV2AdapterModel {
  /// Hidden states of padded input, row by row.
  func values(_ ids: [[Int]], _ mask: PaddedInput.Mask) throws -> [[Float]] {
    let padded = try PaddedInput(ids: ids, mask: mask, configuration)
    let output = try self(padded.batch)
    return (0..<output.rowCount).map { output.values(row: $0) }
  }

  /// Hidden states of one sequence.
  func values(_ ids: [Int32]) throws -> [Float] { try self([ids]).values }
}

/// Random ids as padded input takes them.
func ids(_ length: Int, seed: UInt64 = 1) -> [Int] { TinyModel.ids([length], seed: seed)[0].map(Int.init) }

/// The rows of hidden states that belong to some tokens.
func tokens(_ values: [Float], _ indices: some Sequence<Int>) -> [Float] {
  indices.flatMap { values[$0 * 48..<($0 + 1) * 48] }
}
