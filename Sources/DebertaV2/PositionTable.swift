internal import Kernels
internal import Tensors

/// The projected relative positions of one layer, for one of the two position terms, head by head.
///
/// They depend on weights only, so they are computed once. A row group whose
/// adapter acts on the projection has the layer's table with a correction of
/// low rank, or, where the adapter is of another kind, a table of its own.
struct PositionTable: Sendable {
  /// For each head, [2 · span, D]; key tables with their rows in reverse.
  let heads: [PackedMatrix]
  var correction: Correction?

  /// right [2 · span, r], in the order of the table's rows, and for each head left as [r, D].
  struct Correction: Sendable {
    let right: PackedMatrix
    let lefts: [PackedMatrix]
  }

  func head(_ index: Int) -> HeadPositions {
    HeadPositions(
      base: heads[index].panels,
      correction: correction.map { (left: $0.lefts[index].panels, right: $0.right.panels) })
  }
}

/// Which of the two terms a table is for.
enum PositionTableKind {
  /// Position keys, met by content queries.
  case key
  /// Position queries, met by content keys; scaled as queries are.
  case query(scale: Float)

  /// Rows in the order that attention reads, and scaled.
  fileprivate func arranged(_ rows: Tensor, _ compute: Compute) -> Tensor {
    let arranged = compute.tensor(rows: rows.rows, columns: rows.columns)
    for row in 0..<rows.rows {
      let (source, factor): (Int, Float) =
        switch self {
        case .key: (rows.rows - 1 - row, 1)
        case .query(let scale): (row, scale)
        }
      compute.kernels.scale(
        rows.values.slice(source..<source + 1), by: factor, into: arranged.values.slice(row..<row + 1))
    }
    return arranged
  }
}

extension PositionTable {
  /// Packs projected positions [2 · span, heads · D].
  init(_ projected: Tensor, _ kind: PositionTableKind, heads: Int, _ compute: Compute) {
    let arranged = kind.arranged(projected, compute)
    let size = projected.columns / heads
    self.heads = (0..<heads).map { _ in PackedMatrix(outputs: projected.rows, inputs: size, kernels: compute.kernels) }
    let packed = self.heads
    compute.threads.forEach(heads) { head in
      compute.kernels.packOutputs(
        arranged.values.columns(head * size..<(head + 1) * size), into: packed[head].panels)
    }
  }

  /// The table for a row group whose adapter adds right · leftᵀ to the projection.
  func corrected(right: Tensor, left: LeftFactor, _ kind: PositionTableKind, _ compute: Compute) -> PositionTable {
    let size = left.rows.rows / heads.count
    var table = self
    table.correction = Correction(
      right: compute.packed(kind.arranged(right, compute)),
      lefts: heads.indices.map { head in
        let packed = PackedMatrix(outputs: left.rows.columns, inputs: size, kernels: compute.kernels)
        compute.kernels.packInputs(left.rows.values.slice(head * size..<(head + 1) * size), into: packed.panels)
        return packed
      })
    return table
  }
}
