internal import Checkpoints
internal import Tensors

/// The embeddings of relative positions that the layers project.
struct RelativeTable: Sendable {
  /// [2 · span, H], as stored.
  let rows: Tensor
  /// The table's norm, if the model normalizes it.
  let norm: LayerNorm?
  /// [2 · span, H], as the layers project them.
  let normalized: Tensor

  init(_ rows: Tensor, _ norm: LayerNorm?, on pass: Pass) {
    self.rows = rows
    self.norm = norm
    normalized = norm.map { pass.norm(rows, $0) } ?? rows
  }

  /// Nil for an encoder without relative positions.
  init?(_ reader: PlaceReader, _ norm: LayerNorm?) throws(CheckpointError) {
    guard let rows = try reader.table(.relativePositions) else { return nil }
    self.init(rows, norm, on: reader.weights.pass)
  }

  /// The table as changed by hooks; nil if they leave it unchanged.
  func adapted(by hooks: RelativePositionHooks, on pass: Pass) -> RelativeTable? {
    if hooks.isEmpty { return nil }
    let own = pass.copy(rows)
    hooks.table?.adapt(own, rows: Array(0..<rows.rows), on: pass)
    return RelativeTable(own, hooks.norm ?? norm, on: pass)
  }
}
