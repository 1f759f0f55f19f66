internal import Deberta
internal import Tensors

/// A learned factor for each sequence: the mean over its tokens of sigmoid(gate(x)).
struct AdapterGate: Sendable {
  private let gate: Linear
  private let adapter: String
  /// The reference's name of the location, for what is recorded.
  private let place: String

  /// - Parameter gate: [1, features], with a bias.
  init(_ gate: Linear, adapter: String, place: String) {
    self.gate = gate
    self.adapter = adapter
    self.place = place
  }

  /// For each sequence how far the gate is open, [sequences, 1]; recorded if asked for. x [M, features]
  func openings(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let openings = pass.sigmoidMeans(pass.linear(x, gate), of: site.segment.rows)
    if let trace = pass.trace, trace.kinds.contains(.gatingScores) {
      trace.record(gate: openings.array, adapter: adapter, layer: site.layer, place: place)
    }
    return openings
  }

  /// Multiplies each sequence's rows of y by its factor, in place.
  func apply(to y: Tensor, reading x: Tensor, at site: Site, on pass: Pass) {
    pass.scaleRows(y, site.segment.rows, by: openings(x, at: site, on: pass))
  }
}
