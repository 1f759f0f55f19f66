internal import Glibc
public import Kernels

/// One forward pass: what it computes with and what it is asked to record.
///
/// Not `Sendable`: a pass belongs to the thread that runs it. Models,
/// adapters and plans are values that any number of passes share.
public final class Pass {
  public let compute: Compute
  public let trace: Trace?

  public init(_ compute: Compute, trace: Trace? = nil) {
    self.compute = compute
    self.trace = trace
  }

  private var kernels: VectorKernels { compute.kernels }

  /// A tensor that is not cleared.
  public func tensor(rows: Int, columns: Int) -> Tensor { compute.tensor(rows: rows, columns: columns) }

  /// x Wᵀ + b. x [M, inputs] → [M, outputs].
  public func linear(_ x: Tensor, _ layer: Linear) -> Tensor {
    let y = tensor(rows: x.rows, columns: layer.outputs)
    compute.product(x.values, layer.weight.panels, bias: layer.bias?.pointer, into: y.values)
    return y
  }

  /// gelu(x Wᵀ + b), with the exact erf.
  public func linearGELU(_ x: Tensor, _ layer: Linear) -> Tensor {
    let y = tensor(rows: x.rows, columns: layer.outputs)
    compute.product(x.values, layer.weight.panels, bias: layer.bias?.pointer, into: y.values, epilogue: .gelu)
    return y
  }

  /// Adds x Wᵀ to y, in place.
  public func addProduct(_ x: Tensor, _ weight: PackedMatrix, to y: Tensor) {
    compute.product(x.values, weight.panels, into: y.values, epilogue: .accumulate)
  }

  /// norm(x + residual).
  public func norm(_ x: Tensor, plus residual: Tensor? = nil, _ norm: LayerNorm) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    self.norm(x, plus: residual, norm, into: y)
    return y
  }

  /// y = norm(x + residual); y may be x.
  public func norm(_ x: Tensor, plus residual: Tensor? = nil, _ norm: LayerNorm, into y: Tensor) {
    compute.forEachBlock(of: x.rows) { rows in
      kernels.layerNorm(
        x.values.slice(rows), plus: residual?.values.slice(rows), gain: norm.gain.pointer, bias: norm.bias.pointer,
        eps: norm.eps, into: y.values.slice(rows))
    }
  }

  /// Applies an activation in place.
  public func activate(_ x: Tensor, _ activation: Activation) {
    if activation == .linear { return }
    compute.forEachBlock(of: x.rows) { rows in
      let block = x.values.slice(rows)
      if activation == .gelu || activation == .geluPython { return kernels.gelu(block) }
      for row in 0..<block.rows {
        let values = block.base + row * block.stride
        for column in 0..<block.columns { values[column] = activation(values[column]) }
      }
    }
  }

  /// Adds factor · x to y, in place.
  public func add(_ x: Tensor, times factor: Float = 1, to y: Tensor) {
    compute.forEachBlock(of: x.rows, size: 128) { rows in
      kernels.scale(x.values.slice(rows), by: factor, into: y.values.slice(rows), accumulate: true)
    }
  }

  /// factor · x.
  public func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    compute.forEachBlock(of: x.rows, size: 128) { rows in
      kernels.scale(x.values.slice(rows), by: factor, into: y.values.slice(rows))
    }
    return y
  }

  /// A copy of x.
  public func copy(_ x: Tensor) -> Tensor { scaled(x, by: 1) }

  /// y = x.
  public func copy(_ x: Tensor, into y: Tensor) {
    if x.pointer == y.pointer { return }
    compute.forEachBlock(of: x.rows, size: 128) { rows in
      kernels.scale(x.values.slice(rows), by: 1, into: y.values.slice(rows))
    }
  }

  /// Multiplies each column of x by its factor, in place. factors [1, columns].
  public func scaleColumns(_ x: Tensor, by factors: Tensor) {
    precondition(factors.columns == x.columns, "[1, \(factors.columns)] over [\(x.rows), \(x.columns)]")
    compute.forEachBlock(of: x.rows, size: 128) { rows in
      for row in rows {
        let values = x.pointer + row * x.stride
        for column in 0..<x.columns { values[column] *= factors.pointer[column] }
      }
    }
  }

  /// Multiplies x in place by a factor.
  public func scale(_ x: Tensor, by factor: Float) {
    if factor != 1 { kernels.scale(x.values, by: factor, into: x.values) }
  }

  /// The rows of x at the given indices.
  public func gather(_ x: Tensor, rows: [Int]) -> Tensor {
    let y = tensor(rows: rows.count, columns: x.columns)
    for (to, from) in rows.enumerated() {
      kernels.scale(x.values.slice(from..<from + 1), by: 1, into: y.values.slice(to..<to + 1))
    }
    return y
  }

  /// The mean over rows of sigmoid(x gᵀ + b): how far a gate is open. g [1, features], b [1, 1].
  public func openness(_ x: Tensor, _ gate: Linear) -> Float {
    let scores = linear(x, gate)
    var total: Float = 0
    for row in 0..<scores.rows { total += 1 / (1 + expf(-scores.pointer[row * scores.stride])) }
    return total / Float(scores.rows)
  }
}

/// Intermediate results that a caller asked for, under the names of the output tensors.
public final class Trace {
  /// The kinds that can be asked for.
  public struct Kinds: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// `hidden_states/LAYER`, the embeddings' output first.
    public static let hiddenStates = Kinds(rawValue: 1)
    /// `attentions/LAYER`
    public static let attentions = Kinds(rawValue: 2)
    /// `gating/ADAPTER/LAYER/PLACE`
    public static let gatingScores = Kinds(rawValue: 4)
    /// `fusion_attentions/FUSION/LAYER/PLACE`
    public static let fusionAttentions = Kinds(rawValue: 8)
  }

  public let kinds: Kinds
  /// Packed hidden states, a tensor for each layer.
  public private(set) var hiddenStates: [Tensor] = []
  /// For each layer, for each sequence, [heads · N, memory + N].
  public private(set) var attentions: [[Tensor]] = []
  /// For each gate, for each time it was asked, a value for each sequence that it saw.
  public private(set) var gates: [String: [[Float]]] = [:]

  /// For each fusion, layer and place, the weights of each sequence that it saw: [N, adapters].
  public private(set) var fusionAttentions: [String: [Int: Tensor]] = [:]

  public init(_ kinds: Kinds) { self.kinds = kinds }

  public func record(hiddenStates: Tensor) { self.hiddenStates.append(hiddenStates) }
  public func record(attentions: [Tensor]) { self.attentions.append(attentions) }
  public func record(fusionAttention weights: Tensor, sequence: Int, fusion: String, layer: Int, place: String) {
    fusionAttentions["\(fusion)/\(layer)/\(place)", default: [:]][sequence] = weights
  }
  public func record(gate values: [Float], adapter: String, layer: Int, place: String) {
    gates["\(adapter)/\(layer)/\(place)", default: []].append(values)
  }
}
