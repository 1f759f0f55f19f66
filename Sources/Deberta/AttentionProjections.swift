internal import Checkpoints
internal import Tensors

/// The query, key and value projections of a layer.
enum AttentionProjections: Sendable {
  /// v2 and v3
  case separate(query: Linear, key: Linear, value: Linear)
  /// v1
  case fused(FusedProjection)

  init(_ reader: PlaceReader, layer: Int) throws(CheckpointError) {
    switch reader.shape.family {
    case .v1: self = .fused(try FusedProjection(reader, layer: layer))
    case .v2:
      self = .separate(
        query: try reader.linear(.query, layer: layer), key: try reader.linear(.key, layer: layer),
        value: try reader.linear(.value, layer: layer))
    }
  }

  /// - Parameter queries: the states that attend to the keys of x.
  func states(_ x: Tensor, queries: Queries, heads: Int, _ at: Sites) -> AttentionStates {
    switch self {
    case .separate(let query, let key, let value):
      return AttentionStates(
        query: queries.at.project(.query, query, queries.states), key: at.project(.key, key, x),
        value: at.project(.value, value, x), heads: heads)
    case .fused(let projection):
      let own = projection(x, at)
      let isSame = queries.states.pointer == x.pointer && queries.states.rows == x.rows
      return AttentionStates(
        fusedQueries: isSame ? own : projection(queries.states, queries.at), fused: own, heads: heads)
    }
  }

  /// The bias that v1 adds to the queries (0) or values (2) of all heads, [1, heads · D]; nil if there is none.
  func bias(ofPart part: Int, heads: Int) -> Tensor? {
    guard case .fused(let projection) = self else { return nil }
    let all = projection.bias
    let size = all.columns / heads / 3
    var values: [Float] = []
    for head in 0..<heads {
      let first = (3 * head + part) * size
      values += all.columns(first..<first + size).array
    }
    return Tensor(values, rows: 1, columns: values.count)
  }

  /// The linear layer of a place; nil if there is none.
  subscript(place: ProjectionPlace) -> Linear? {
    get {
      switch (self, place) {
      case (.separate(let query, _, _), .query): query
      case (.separate(_, let key, _), .key): key
      case (.separate(_, _, let value), .value): value
      case (.fused(let projection), .queryKeyValue): projection.linear
      default: nil
      }
    }
    set {
      guard let newValue else { return }
      switch (self, place) {
      case (.separate(_, let key, let value), .query): self = .separate(query: newValue, key: key, value: value)
      case (.separate(let query, _, let value), .key): self = .separate(query: query, key: newValue, value: value)
      case (.separate(let query, let key, _), .value): self = .separate(query: query, key: key, value: newValue)
      case (.fused(let projection), .queryKeyValue): self = .fused(projection.replacing(newValue))
      default: return
      }
    }
  }
}

/// The fused projection of v1: query, key and value for each head, and their biases.
///
///     y = W x (+ c)      q = y_q + b_q      k = y_k      v = y_v + b_v        W [heads · 3 · D, H]
///
/// Adapters see y, without b. Source: transformers, `modeling_deberta.py`, `DisentangledSelfAttention`.
struct FusedProjection: Sendable {
  /// W, and c if the model was saved with a bias for its fused projection.
  let linear: Linear
  /// b, arranged in the columns of y, [1, heads · 3 · D]
  fileprivate let bias: Tensor

  init(_ reader: PlaceReader, layer: Int) throws(CheckpointError) {
    linear = try reader.fusedProjection(layer: layer)
    let (shape, pass) = (reader.shape, reader.weights.pass)
    let size = shape.headSize
    let bias = pass.tensor(rows: 1, columns: linear.outputs)
    bias.pointer.update(repeating: 0, count: bias.columns)
    for (part, place) in [(0, EncoderPlace.queryBias(layer: layer)), (2, .valueBias(layer: layer))] {
      guard let own = try reader.vector(place) else { continue }
      for head in 0..<shape.headCount {
        let first = (3 * head + part) * size
        pass.copy(own.columns(head * size..<(head + 1) * size), into: bias.columns(first..<first + size))
      }
    }
    self.bias = bias
  }

  private init(linear: Linear, bias: Tensor) { (self.linear, self.bias) = (linear, bias) }

  func replacing(_ linear: Linear) -> FusedProjection { FusedProjection(linear: linear, bias: bias) }

  /// x [T, H] → [T, heads · 3 · D]
  func callAsFunction(_ x: Tensor, _ at: Sites) -> Tensor {
    if linear.bias == nil, !at.isHooked(.queryKeyValue) { return at.pass.linear(x, linear.with(bias: bias)) }
    let y = at.project(.queryKeyValue, linear, x)
    at.pass.add(row: bias, to: y)
    return y
  }
}
