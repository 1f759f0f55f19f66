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

  func callAsFunction(_ x: Tensor, _ batch: Batch, _ distances: DistanceTable?, _ at: Sites) -> Tensor {
    let q = at.project(.query, query, x)
    let k = at.project(.key, key, x)
    let v = at.project(.value, value, x)
    return attend(q, k, v, memories: at.memories(x), batch, distances, at)
  }

  private func attend(
    _ q: Tensor, _ k: Tensor, _ v: Tensor, memories: [[(key: Tensor, value: Tensor)]?], _ batch: Batch,
    _ distances: DistanceTable?, _ at: Sites
  ) -> Tensor {
    let compute = at.pass.compute
    let context = at.pass.tensor(rows: q.rows, columns: q.columns)
    let size = q.columns / headCount
    var heads: [(sequence: Int, group: Int, memory: (key: Tensor, value: Tensor)?, probabilities: Tensor?)] = []
    for (index, group) in at.groups.enumerated() {
      for (row, sequence) in group.segment.sequences.enumerated() where !batch.tokens(of: sequence).isEmpty {
        heads.append((sequence, index, memories[index]?[row], nil))
      }
    }
    if at.pass.trace?.kinds.contains(.attentions) == true {
      for index in heads.indices {
        let tokens = batch.tokens(of: heads[index].sequence).count
        let columns = tokens + (heads[index].memory?.key.rows ?? 0)
        heads[index].probabilities = Tensor(Storage(headCount * tokens * columns), rows: headCount * tokens, columns: columns)
      }
      at.pass.trace?.record(attentions: heads.compactMap(\.probabilities))
    }
    let work = heads
    compute.threads.forEach(work.count * headCount) { item in
      let (sequence, group, memory, probabilities) = work[item / headCount]
      let head = item % headCount
      let tokens = batch.tokens(of: sequence)
      let columns = head * size..<(head + 1) * size
      func own(_ x: Tensor) -> Rows { x.values.slice(tokens).columns(columns) }
      var attention = AttentionHead(query: own(q), key: own(k), value: own(v), context: own(context), scale: scale)
      attention.memory = memory.map { ($0.key.values.columns(columns), $0.value.values.columns(columns)) }
      let tables = at.groups[group].bound.tables[at.layer]
      attention.contentToPosition = tables.key?.head(head)
      attention.positionToContent = tables.query?.head(head)
      attention.distances = distances?.rows
      attention.probabilities = probabilities?.values.slice(head * tokens.count..<(head + 1) * tokens.count)
      withPointers(batch.sequences[sequence]) { positions, visible in
        attention.positions = positions
        attention.visible = visible
        attention(compute.kernels, compute.buffers)
      }
    }
    return context
  }

  private func withPointers(
    _ sequence: Batch.Sequence, _ body: (UnsafePointer<Int32>?, UnsafePointer<UInt8>?) -> Void
  ) {
    sequence.positions.withPointer { positions in sequence.visible.withPointer { body(positions, $0) } }
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
    rows = DistanceRows(queryRows: query, keyRows: key, plainDistance: positions.plainDistance, farDistance: positions.farDistance)
  }

  deinit { memory.deallocate() }
}
