internal import Checkpoints
internal import Kernels
internal import Tensors

/// Maps hidden states to word scores: y = x Wᵀ + b. W [vocabulary, E], b [vocabulary] or none.
///
/// The last module of a masked language model. W is the largest matrix of a model, and usually that of the word
/// embeddings: it stays in their memory, as rows, and is packed block by block during a product. Scores are needed for
/// few tokens, so a packed copy would not pay off.
struct Decoder: Sendable {
  let weight: WeightMatrix
  /// [1, vocabulary]
  let bias: Tensor?
  /// The decoder as a linear layer of a taped pass, which records its product.
  let taped: Linear?

  var inputs: Int { weight.columns }
  var outputs: Int { weight.rows }

  /// - Parameter pass: the pass that prepares its weights.
  init(weight: WeightMatrix, bias: Tensor?, on pass: Pass? = nil) {
    precondition(bias.map { $0.columns == weight.rows } ?? true, "a bias of another width than the weight")
    self.weight = weight
    self.bias = bias
    taped = pass.flatMap { pass in pass.tape.map { _ in pass.layer(weight: weight, bias: bias) } }
  }
}

extension Pass {
  /// x Wᵀ + b, bitwise equal to a packed linear layer. x [M, E] → [M, vocabulary].
  func scores(_ x: Tensor, _ decoder: Decoder) -> Tensor {
    if let taped = decoder.taped { return linear(x, taped) }
    let y = tensor(rows: x.rows, columns: decoder.outputs)
    guard x.rows > 0 else { return y }
    // At most 32 MB of a mapped table are resident at a time; otherwise all of it would stay in memory.
    let size = max(1, (8 << 20) / decoder.inputs)
    for first in stride(from: 0, to: decoder.outputs, by: size) {
      score(x, decoder, words: first..<min(first + size, decoder.outputs), into: y)
      decoder.weight.releasePages()
    }
    return y
  }

  private func score(_ x: Tensor, _ decoder: Decoder, words: Range<Int>, into y: Tensor) {
    let (kernels, buffers, width) = (compute.kernels, compute.buffers, compute.kernels.panelWidth)
    // A block stays in the L2 cache from packing to its last product.
    let size = max(1, 65_536 / (decoder.inputs * width)) * width
    compute.threads.forEach((words.count + size - 1) / size) { piece in
      let first = words.lowerBound + piece * size
      let own = first..<min(first + size, words.upperBound)
      let type = decoder.weight.type
      let count = Panels.count(outputs: own.count, inputs: decoder.inputs, width: width, type: type)
      let memory = buffers.borrow(count)
      defer { buffers.giveBack(memory, count: count) }
      let panels = Panels(memory, outputs: own.count, inputs: decoder.inputs, width: width, type: type)
      kernels.packOutputs(decoder.weight.values.slice(own), into: panels)
      let bias = decoder.bias?.values.columns(own)
      for first in stride(from: 0, to: x.rows, by: 64) {
        let rows = first..<min(first + 64, x.rows)
        kernels.product(x.values.slice(rows), panels, bias: bias, into: y.values.slice(rows).columns(own))
      }
    }
  }
}

extension WeightReader {
  /// A decoder's `weight` [outputs, inputs] and `bias` [outputs].
  ///
  /// - Parameter words: the word embeddings; they are the weight if the file has the same values, or none.
  func decoder(
    in inputs: Int, out outputs: Int, bias: Bool, tiedTo words: WeightMatrix?
  ) throws(CheckpointError) -> Decoder {
    let weight = try decoderWeight(in: inputs, out: outputs, tiedTo: words)
    return try Decoder(weight: weight, bias: bias ? tensor("bias", [outputs]) : nil, on: pass)
  }

  /// A decoder's `weight` [outputs, inputs], or the word embeddings if the file has the same values, or none.
  func decoderWeight(in inputs: Int, out outputs: Int, tiedTo words: WeightMatrix?) throws(CheckpointError)
    -> WeightMatrix
  {
    let words = words.flatMap { $0.rows == outputs && $0.columns == inputs ? $0 : nil }
    if let words, !contains("weight") { return words }
    let own = try weight("weight", [outputs, inputs])
    guard let words, own.hasValues(of: words, compute.kernels) else { return own }
    own.releasePages()
    words.releasePages()
    return words
  }
}
