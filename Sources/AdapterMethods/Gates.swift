internal import Deberta
internal import Tensors

/// A learned factor for each sequence, or for each of several column ranges: the mean of sigmoid(gate(x)) over the
/// sequence's tokens.
struct AdapterGate: Sendable {
  private let gate: Linear
  private let adapter: String
  /// The name of the location in `adapters`, for the trace.
  private let place: String
  /// The columns that each factor multiplies; nil if a single one multiplies all.
  private let columns: [Range<Int>]?

  /// - Parameter gate: [factors, features], with a bias.
  init(_ gate: Linear, adapter: String, place: String, columns: [Range<Int>]? = nil) {
    self.gate = gate
    self.columns = columns
    self.adapter = adapter
    self.place = place
  }

  /// The gate values of each sequence, [sequences, 1]; recorded if requested. x [M, features]
  func openings(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    openings(pass.linear(x, gate), factor: 0, at: site, on: pass)
  }

  private func openings(_ logits: Tensor, factor: Int, at site: Site, on pass: Pass) -> Tensor {
    let openings = pass.sigmoidMeans(logits.columns(factor..<factor + 1), of: site.segment.rows)
    if let trace = pass.trace, trace.kinds.contains(.gatingScores) {
      trace.record(gate: openings.array, adapter: adapter, layer: site.layer, place: place)
    }
    return openings
  }

  /// Multiplies each sequence's rows of y by its factors, in place.
  func apply(to y: Tensor, reading x: Tensor, at site: Site, on pass: Pass) {
    let logits = pass.linear(x, gate)
    for (factor, columns) in (columns ?? [0..<y.columns]).enumerated() {
      pass.scaleRows(
        y.columns(columns), site.segment.rows, by: openings(logits, factor: factor, at: site, on: pass))
    }
  }
}
