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
    _ weights: WeightReader, _ shape: DebertaV2Configuration, _ convolution: DebertaV2Configuration.Convolution
  ) throws(CheckpointError) {
    let hidden = shape.hiddenSize
    let size = hidden / convolution.groups
    let taps = convolution.kernelSize
    // [outputs, inputs, taps] as stored; a product wants a row of [taps, inputs] for each output.
    let stored = try weights["conv"].tensor("weight", [hidden, size, taps])
    let bias = try weights["conv"].tensor("bias", [hidden])
    groups = (0..<convolution.groups).map { group in
      var rows = [Float](repeating: 0, count: size * taps * size)
      for output in 0..<size {
        for input in 0..<size {
          let from = stored.pointer + ((group * size + output) * size + input) * taps
          for tap in 0..<taps { rows[output * taps * size + tap * size + input] = from[tap] }
        }
      }
      return Linear(
        weight: Tensor(rows, rows: size, columns: taps * size),
        bias: Tensor(Array(bias.array[group * size..<(group + 1) * size]), rows: 1, columns: size), weights.compute)
    }
    kernelSize = taps
    activation = convolution.activation
    norm = try weights["LayerNorm"].layerNorm(hidden, eps: shape.layerNormEps)
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
    let reach = kernelSize / 2
    for (sequence, start) in zip(batch.sequences, batch.starts) {
      let positions = sequence.columns
      let tokens = Dictionary(uniqueKeysWithValues: zip(positions, 0...))
      for (token, position) in positions.enumerated() {
        let row = windows.pointer + (start + token) * windows.stride
        for tap in 0..<kernelSize {
          let to = row + tap * x.columns
          if let neighbour = tokens[position + tap - reach] {
            to.update(from: x.pointer + (start + neighbour) * x.stride, count: x.columns)
          } else {
            to.update(repeating: 0, count: x.columns)
          }
        }
      }
    }
    return windows
  }
}
