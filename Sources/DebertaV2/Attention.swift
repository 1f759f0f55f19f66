internal import Checkpoints
internal import Kernels
internal import Tensors

/// Disentangled self-attention up to, and not including, its output projection.
///
/// q, k, v are [T, heads · D]; scores as in `AttentionHead`.
struct SelfAttention: Sendable {
  var query, key, value: Linear
  let headCount: Int
  let scale: Float
  /// The layer's own position tables.
  var keyTable, queryTable: PositionTable?

  init(_ weights: WeightReader, _ shape: DebertaV2Configuration, positions: Tensor?) throws(CheckpointError) {
    let width = shape.headCount * shape.headSize
    query = try weights["query_proj"].linear(in: shape.hiddenSize, out: width)
    key = try weights["key_proj"].linear(in: shape.hiddenSize, out: width)
    value = try weights["value_proj"].linear(in: shape.hiddenSize, out: width)
    headCount = shape.headCount
    scale = shape.scoreScale
    guard let positions else { return }
    if shape.positionTerms.contains(.contentToPosition) {
      let projection =
        shape.sharesPositionProjections
        ? key : try weights["pos_key_proj"].linear(in: shape.hiddenSize, out: width)
      keyTable = table(projection, positions, .key, weights.compute)
    }
    if shape.positionTerms.contains(.positionToContent) {
      let projection =
        shape.sharesPositionProjections
        ? query : try weights["pos_query_proj"].linear(in: shape.hiddenSize, out: width)
      queryTable = table(projection, positions, .query(scale: scale), weights.compute)
    }
  }

  func table(
    _ projection: Linear, _ positions: Tensor, _ kind: PositionTableKind, _ compute: Compute
  ) -> PositionTable {
    PositionTable(Pass(compute).linear(positions, projection), kind, heads: headCount, compute)
  }

  /// - Parameter queries: states [T, H] whose queries look at the keys of x; nil: those of x.
  func callAsFunction(
    _ x: Tensor, queries: Tensor? = nil, _ batch: Batch, _ distances: DistanceTable?, _ at: Sites
  ) -> Tensor {
    let q = at.project(.query, query, queries ?? x)
    let k = at.project(.key, key, x)
    let v = at.project(.value, value, x)
    let sequences = attendedSequences(batch, memories: at.memories(x), at)
    let context = at.pass.tensor(rows: q.rows, columns: q.columns)
    let size = q.columns / headCount
    let compute = at.pass.compute
    compute.threads.forEach(sequences.count * headCount) { item in
      let sequence = sequences[item / headCount]
      let head = item % headCount
      let columns = head * size..<(head + 1) * size
      func own(_ x: Tensor) -> Rows { x.values.slice(sequence.tokens).columns(columns) }
      var attention = AttentionHead(query: own(q), key: own(k), value: own(v), context: own(context), scale: scale)
      attention.memory = sequence.memory.map { ($0.key.values.columns(columns), $0.value.values.columns(columns)) }
      attention.contentToPosition = sequence.tables.key?.head(head)
      attention.positionToContent = sequence.tables.query?.head(head)
      attention.distances = distances?.rows
      attention.probabilities = sequence.probabilities(ofHead: head)
      sequence.input.positions.withPointer { positions in
        sequence.input.visible.withPointer { visible in
          attention.positions = positions
          attention.visible = visible
          attention(compute.kernels, compute.buffers)
        }
      }
    }
    return context
  }

  /// The sequences that have tokens, each with what its row group brings; attention maps are recorded if asked for.
  private func attendedSequences(
    _ batch: Batch, memories: [[(key: Tensor, value: Tensor)]?], _ at: Sites
  ) -> [AttendedSequence] {
    let isTraced = at.pass.trace?.kinds.contains(.attentions) == true
    var sequences: [AttendedSequence] = []
    for (group, memories) in zip(at.groups, memories) {
      for (row, sequence) in group.segment.sequences.enumerated() where !batch.tokens(of: sequence).isEmpty {
        let tokens = batch.tokens(of: sequence)
        let memory = memories?[row]
        let columns = tokens.count + (memory?.key.rows ?? 0)
        let rows = headCount * tokens.count
        sequences.append(
          AttendedSequence(
            input: batch.sequences[sequence], tokens: tokens, tables: group.bound.tables[at.layer], memory: memory,
            probabilities: isTraced ? Tensor(Storage(rows * columns), rows: rows, columns: columns) : nil))
      }
    }
    if isTraced { at.pass.trace?.record(attentions: sequences.compactMap(\.probabilities)) }
    return sequences
  }
}

/// One sequence in one layer's attention.
private struct AttendedSequence {
  let input: Batch.Sequence
  let tokens: Range<Int>
  let tables: (key: PositionTable?, query: PositionTable?)
  let memory: (key: Tensor, value: Tensor)?
  /// [heads · N, memory + N], where attention maps are asked for.
  let probabilities: Tensor?

  func probabilities(ofHead head: Int) -> Rows? {
    probabilities?.values.slice(head * tokens.count..<(head + 1) * tokens.count)
  }
}

extension Optional {
  fileprivate func withPointer<Element>(_ body: (UnsafePointer<Element>?) -> Void) where Wrapped == [Element] {
    guard let self else { return body(nil) }
    self.withUnsafeBufferPointer { body($0.baseAddress) }
  }
}

/// Rows of the position tables for every distance up to the largest of a batch.
///
/// `@unchecked Sendable`: the memory is written by `init` alone.
final class DistanceTable: @unchecked Sendable {
  private let memory: UnsafeMutablePointer<Int32>
  /// Stands at distance 0; valid as long as the table lives.
  let rows: DistanceRows

  init(_ positions: RelativePositions, farthest: Int) {
    let count = 2 * farthest + 1
    memory = .allocate(capacity: 2 * count)
    let query = memory + farthest
    let key = query + count
    for distance in -farthest...farthest {
      let row = Int32(positions.row(ofDistance: distance))
      query[distance] = row
      key[-distance] = Int32(positions.rows - 1) - row
    }
    rows = DistanceRows(
      queryRows: query, keyRows: key, plainDistance: positions.plainDistance, farDistance: positions.farDistance)
  }

  deinit { memory.deallocate() }
}
