internal import Checkpoints
internal import Kernels
internal import Tensors

/// The convolution beside the first layer of v2-xlarge and v2-xxlarge.
///
///     y = LN(layer(x) + act(conv(x)))
///
/// x are the embeddings' hidden states; the convolution runs along each
/// sequence, with zeros beside it and where positions are missing.
/// Source: transformers, `modeling_deberta_v2.py`, `ConvLayer`.
struct Convolution: Sendable {
  /// For each group, [H / groups, kernel · H / groups]: the taps of a group's inputs, tap by tap.
  private let groups: [Linear]
  private let kernelSize: Int
  private let activation: Activation
  private let norm: LayerNorm

  init(
    _ reader: PlaceReader, _ convolution: DebertaConfiguration.Convolution
  ) throws(CheckpointError) {
    let weights = reader.weights[EncoderPlace.convolution.path(in: reader.shape.family)]
    let hidden = reader.shape.hiddenSize
    let size = hidden / convolution.groups
    let taps = convolution.kernelSize
    // [outputs, inputs, taps] as stored; a product wants a row of [taps, inputs] for each output.
    let stored = try weights.tensor("weight", [hidden, size, taps])
    let bias = try weights.tensor("bias", [hidden])
    let pass = weights.pass
    groups = (0..<convolution.groups).map { group in
      let elements = (0..<size).flatMap { output in
        (0..<taps).flatMap { tap in (0..<size).map { ((group * size + output) * size + $0) * taps + tap } }
      }
      return pass.layer(
        weight: pass.gather(stored, elements: elements, rows: size, columns: taps * size),
        bias: bias.columns(group * size..<(group + 1) * size))
    }
    kernelSize = taps
    activation = convolution.activation
    norm = try reader.norm(.convolutionNorm)
  }

  /// embeddings [T, H], layer [T, H] → [T, H]
  func callAsFunction(_ embeddings: Tensor, beside layer: Tensor, _ batch: Batch, on pass: Pass) -> Tensor {
    let hidden = embeddings.columns
    let size = hidden / groups.count
    let y = pass.tensor(rows: embeddings.rows, columns: hidden)
    for (group, taps) in groups.enumerated() {
      let columns = group * size..<(group + 1) * size
      let windows = neighbourhoods(of: embeddings.columns(columns), batch, on: pass)
      pass.copy(pass.linear(windows, taps), into: y.columns(columns))
    }
    pass.activate(y, activation)
    return pass.norm(layer, plus: y, norm)
  }

  /// For each token, its neighbours' features side by side: [T, kernel · size].
  private func neighbourhoods(of x: Tensor, _ batch: Batch, on pass: Pass) -> Tensor {
    let windows = pass.tensor(rows: x.rows, columns: kernelSize * x.columns)
    for tap in 0..<kernelSize {
      let neighbours = batch.neighbours(at: tap - kernelSize / 2)
      pass.copy(pass.gather(x, rows: neighbours), into: windows.columns(tap * x.columns..<(tap + 1) * x.columns))
    }
    return windows
  }
}

extension Batch {
  /// For each token, the token of its sequence that stands so many positions after it, if there is one.
  fileprivate func neighbours(at offset: Int) -> [Int?] {
    zip(sequences, starts).flatMap { sequence, start in
      let positions = sequence.columns
      let tokens = Dictionary(uniqueKeysWithValues: zip(positions, start...))
      return positions.map { tokens[$0 + offset] }
    }
  }
}
