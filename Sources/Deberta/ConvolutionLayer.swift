internal import Checkpoints
internal import Kernels
internal import Tensors

/// The convolution parallel to the first layer of v2-xlarge and v2-xxlarge.
///
///     y = LN(layer(x) + act(conv(x)))
///
/// x are the embeddings' hidden states. The convolution runs along each sequence, with zeros for padding and for
/// missing positions. Source: transformers, `modeling_deberta_v2.py`, `ConvLayer`.
struct ConvolutionLayer: Sendable {
  /// [H / groups, kernel · H / groups] per group, tap by tap.
  private var groups: [Linear]
  private let kernelSize: Int
  private let activation: Activation
  var norm: LayerNorm

  /// [1, H]
  func bias(on pass: Pass) -> Tensor {
    let bias = pass.tensor(rows: 1, columns: norm.gain.columns)
    for (index, group) in groups.enumerated() {
      let size = group.outputs
      if let own = group.bias { pass.copy(own, into: bias.columns(index * size..<(index + 1) * size)) }
    }
    return bias
  }

  /// The same convolution with another bias [1, H].
  func with(bias: Tensor) -> ConvolutionLayer {
    var convolution = self
    for (index, group) in groups.enumerated() {
      convolution.groups[index] = group.with(bias: bias.columns(index * group.outputs..<(index + 1) * group.outputs))
    }
    return convolution
  }

  init(
    _ reader: PlaceReader, _ convolution: DebertaConfiguration.Convolution
  ) throws(CheckpointError) {
    let weights = reader.weights[EncoderPlace.convolution.path(in: reader.shape.family)]
    let hidden = reader.shape.hiddenSize
    let size = hidden / convolution.groups
    let taps = convolution.kernelSize
    // Stored as [outputs, inputs, taps]; the product takes a row of [taps, inputs] for each output.
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
  ///
  /// - Parameter rows: the row groups, which together cover all tokens.
  func callAsFunction(
    _ embeddings: Tensor, beside layer: Tensor, _ batch: Batch, _ rows: [BatchGroup], on pass: Pass
  ) -> Tensor {
    let hidden = embeddings.columns
    let size = hidden / groups.count
    let y = pass.tensor(rows: embeddings.rows, columns: hidden)
    for (group, taps) in groups.enumerated() {
      let columns = group * size..<(group + 1) * size
      let windows = neighbourhoods(of: embeddings.columns(columns), batch, on: pass)
      pass.copy(pass.linear(windows, taps), into: y.columns(columns))
    }
    for group in rows {
      group.bound.hooks.convolution.outputs?.adapt(
        y.rows(group.tokens), input: embeddings.rows(group.tokens), at: Site(layer: 0, segment: group.segment),
        on: pass)
    }
    pass.activate(y, activation)
    guard rows.contains(where: { $0.bound.hooks.convolution.norm != nil }) else {
      return pass.norm(layer, plus: y, norm)
    }
    let z = pass.tensor(rows: y.rows, columns: hidden)
    for group in rows {
      let tokens = group.tokens
      pass.norm(
        layer.rows(tokens), plus: y.rows(tokens), group.bound.hooks.convolution.norm ?? norm, into: z.rows(tokens))
    }
    return z
  }

  /// The concatenated features of each token's neighbors: [T, kernel · size].
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
  /// For each token, the token of its sequence at this offset, if there is one.
  fileprivate func neighbours(at offset: Int) -> [Int?] {
    zip(sequences, starts).flatMap { sequence, start in
      let positions = sequence.columns
      let tokens = Dictionary(uniqueKeysWithValues: zip(positions, start...))
      return positions.map { tokens[$0 + offset] }
    }
  }
}
