internal import Checkpoints
internal import Tensors

/// Reads the weights of an encoder by place.
struct PlaceReader {
  let weights: WeightReader
  let shape: DebertaConfiguration

  /// A table [rows, columns]; nil if the encoder has no such place.
  func table(_ place: EncoderPlace) throws(CheckpointError) -> Tensor? {
    guard case .table(let rows, let columns) = place.kind(in: shape) else { return nil }
    return try weights[place.path(in: shape.family)].tensor("weight", [rows, columns])
  }

  /// A linear layer; nil if the encoder has no such place.
  func linear(_ place: EncoderPlace) throws(CheckpointError) -> Linear? {
    guard case .linear(let inputs, let outputs, let hasBias) = place.kind(in: shape) else { return nil }
    return try weights[place.path(in: shape.family)].linear(in: inputs, out: outputs, bias: hasBias)
  }

  /// A linear layer that is used once and kept as stored; nil if the encoder has no such place.
  func storedLinear(_ place: EncoderPlace) throws(CheckpointError) -> StoredLinear? {
    guard case .linear(let inputs, let outputs, let hasBias) = place.kind(in: shape) else { return nil }
    let reader = weights[place.path(in: shape.family)]
    let weight = try reader.weight("weight", [outputs, inputs])
    return StoredLinear(weight: weight, bias: try hasBias ? reader.tensor("bias", [outputs]) : nil)
  }

  /// A linear layer present in every encoder, rounded for the precision of what computes.
  func linear(_ place: ProjectionPlace, layer: Int) throws(CheckpointError) -> Linear {
    let (inputs, outputs) = place.widths(shape)
    return try weights[place.path(layer: layer)].roundedLinear(
      in: inputs, out: outputs, isQuantized: shape.quantizes(place))
  }

  /// The fused query, key and value projection, with its bias if the checkpoint has one.
  func fusedProjection(layer: Int) throws(CheckpointError) -> Linear {
    let (inputs, outputs) = ProjectionPlace.queryKeyValue.widths(shape)
    let weights = weights[ProjectionPlace.queryKeyValue.path(layer: layer)]
    return try weights.roundedLinear(
      in: inputs, out: outputs, bias: weights.contains("bias"), isQuantized: shape.quantizes(.queryKeyValue))
  }

  /// A vector [1, size] stored under the place's own name; nil if the encoder has no such place.
  func vector(_ place: EncoderPlace) throws(CheckpointError) -> Tensor? {
    guard case .vector(let size) = place.kind(in: shape) else { return nil }
    return try weights.tensor(place.path(in: shape.family), [size])
  }

  /// The square weight of a place, as rows; nil if the encoder has no such place.
  func square(_ place: EncoderPlace) throws(CheckpointError) -> Tensor? {
    guard case .linear(let inputs, let outputs, _) = place.kind(in: shape) else { return nil }
    return try weights[place.path(in: shape.family)].tensor("weight", [outputs, inputs])
  }

  /// A layer norm over hidden states.
  func norm(_ place: EncoderPlace) throws(CheckpointError) -> LayerNorm {
    try weights[place.path(in: shape.family)].layerNorm(shape.hiddenSize, eps: shape.layerNormEps)
  }
}

/// A linear layer as stored, not packed: W [outputs, inputs], b [1, outputs] or none.
struct StoredLinear: Sendable {
  let weight: WeightMatrix
  let bias: Tensor?

  func packed(on pass: Pass) -> Linear {
    let layer = pass.layer(weight: weight, bias: bias)
    weight.releasePages()
    return layer
  }
}
