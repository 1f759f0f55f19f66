internal import Checkpoints
internal import Tensors

/// Reads the weights of an encoder by their places.
struct PlaceReader {
  let weights: WeightReader
  let shape: DebertaV2Configuration

  /// A table [rows, columns]; nil where the encoder has no such place.
  func table(_ place: EncoderPlace) throws(CheckpointError) -> Tensor? {
    guard case .table(let rows, let columns) = place.kind(in: shape) else { return nil }
    return try weights[place.path].tensor("weight", [rows, columns])
  }

  /// A linear layer; nil where the encoder has no such place.
  func linear(_ place: EncoderPlace) throws(CheckpointError) -> Linear? {
    guard case .linear(let inputs, let outputs, let hasBias) = place.kind(in: shape) else { return nil }
    return try weights[place.path].linear(in: inputs, out: outputs, bias: hasBias)
  }

  /// A linear layer that every encoder has.
  func linear(_ place: ProjectionPlace, layer: Int) throws(CheckpointError) -> Linear {
    let (inputs, outputs) = place.widths(shape)
    return try weights[EncoderPlace.projection(place, layer: layer).path].linear(in: inputs, out: outputs)
  }

  /// A layer norm over hidden states.
  func norm(_ place: EncoderPlace) throws(CheckpointError) -> LayerNorm {
    try weights[place.path].layerNorm(shape.hiddenSize, eps: shape.layerNormEps)
  }
}
