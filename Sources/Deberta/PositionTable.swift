internal import Kernels
internal import Tensors

/// The projected relative positions of one layer, for one of the two position terms, head by head.
///
/// The table of position queries may also hold unscaled the queries derived from positions
/// (`PositionTerm.positionToPosition`).
///
/// The tables depend only on weights, so they are computed once. A row group that adapts the projection has the layer's
/// table with a low-rank correction or, for other kinds of adapters, a separate table.
struct PositionTable: Sendable {
  let kind: PositionTableKind
  /// [2 · span, D] per head; key tables have their rows in reverse. Empty if content does not attend to such positions.
  var heads: [PackedWeight]
  var correction: Correction?
  /// The projected positions [2 · span, heads · D] before packing, if a tape tracks them.
  var projected: Tensor?
  /// The queries of positions 0, 1, ... [span, heads · D], if they attend to position keys.
  var queryPositions: Tensor?

  /// right [2 · span, r], in the order of the table's rows, and left as [r, D] per head.
  struct Correction: Sendable {
    let right: PackedWeight
    let lefts: [PackedWeight]
  }

  /// Nil if content does not attend to such positions.
  func head(_ index: Int) -> HeadPositions? {
    if heads.isEmpty { return nil }
    return HeadPositions(
      base: heads[index].panels,
      correction: correction.map { (left: $0.lefts[index].panels, right: $0.right.panels) })
  }
}

/// Which of the two terms a table is for.
enum PositionTableKind: Sendable {
  /// Position keys, for content queries.
  case key
  /// Position queries, for content keys; scaled like queries.
  case query(scale: Float)

  /// The projected position in a row of the table, and its factor.
  fileprivate func source(ofRow row: Int, of rows: Int) -> (row: Int, factor: Float) {
    switch self {
    case .key: (rows - 1 - row, 1)
    case .query(let scale): (row, scale)
    }
  }

  /// The rows in the order that attention reads, scaled.
  fileprivate func arranged(_ rows: Tensor, _ compute: Compute) -> Tensor {
    let arranged = compute.tensor(rows: rows.rows, columns: rows.columns)
    for row in 0..<rows.rows {
      let (source, factor) = source(ofRow: row, of: rows.rows)
      compute.kernels.scale(
        rows.values.slice(source..<source + 1), by: factor, into: arranged.values.slice(row..<row + 1))
    }
    return arranged
  }
}

extension PositionTable {
  /// Packs projected positions [2 · span, heads · D].
  init(_ projected: Tensor, _ kind: PositionTableKind, heads: Int, _ compute: Compute) {
    self.kind = kind
    let arranged = kind.arranged(projected, compute)
    let size = projected.columns / heads
    self.heads = (0..<heads).map { _ in PackedWeight(outputs: projected.rows, inputs: size, kernels: compute.kernels) }
    let packed = self.heads
    compute.threads.forEach(heads) { head in
      compute.kernels.packOutputs(
        arranged.values.columns(head * size..<(head + 1) * size), into: packed[head].panels)
    }
  }

  /// The table of a row group whose adapter adds right · leftᵀ to the projection.
  func corrected(right: Tensor, left: LeftFactor, _ compute: Compute) -> PositionTable {
    let size = left.rows.rows / heads.count
    var table = self
    table.correction = Correction(
      right: compute.packed(kind.arranged(right, compute)),
      lefts: heads.indices.map { head in
        let packed = PackedWeight(outputs: left.rows.columns, inputs: size, kernels: compute.kernels)
        compute.kernels.packInputs(left.rows.values.slice(head * size..<(head + 1) * size), into: packed.panels)
        return packed
      })
    return table
  }
}

// MARK: - Gradients

extension PositionTable {
  /// One head's rows [2 · span, D] as attention reads them, including the correction.
  func rows(ofHead head: Int, into rows: Rows) {
    heads[head].unpack(into: rows)
    guard let correction else { return }
    let (right, left) = (correction.right, correction.lefts[head])
    let buffer = allocateFloats(right.outputs * right.inputs + left.outputs * left.inputs)
    defer { buffer.deallocate() }
    let rightRows = Rows(buffer, rows: right.outputs, columns: right.inputs)
    let leftRows = Rows(buffer + right.outputs * right.inputs, rows: left.outputs, columns: left.inputs)
    right.unpack(into: rightRows)
    left.unpack(into: leftRows)
    Products.multiply(.plain(rightRows), .plain(leftRows), into: rows, accumulate: true)
  }

  /// Adds one head's gradient [2 · span, D] to that of the projected positions [2 · span, heads · D].
  func add(_ gradient: Rows, ofHead head: Int, to projected: Tensor, _ kernels: VectorKernels) {
    let target = projected.values.columns(head * gradient.columns..<(head + 1) * gradient.columns)
    for row in 0..<gradient.rows {
      let (source, factor) = kind.source(ofRow: row, of: gradient.rows)
      kernels.scale(
        gradient.slice(row..<row + 1), by: factor, into: target.slice(source..<source + 1), accumulate: true)
    }
  }
}
