public import Deberta
public import Tensors

extension Encoder {
  /// The encoder with hooks merged into its weights; nil if they do more than change weights.
  ///
  /// A hook that adds to and scales a linear layer is itself linear: its results for the rows of the identity, and for
  /// a row of zeros, define the merged layer.
  func merging(_ hooks: EncoderHooks, on pass: Pass) -> Encoder? {
    guard hooks.prompt == nil, hooks.afterEmbeddings == nil, hooks.layers.allSatisfy(\.hasOnlyWeights)
    else { return nil }
    var changes: [(place: EncoderPlace, module: EncoderModule)] = []
    for place in EncoderLayout(configuration).places {
      switch module(place) {
      case .linear(let layer)?:
        if let hook = hooks[linear: place] { changes.append((place, .linear(layer.merging(hook, on: pass)))) }
      case .norm?:
        if let norm = hooks[norm: place] { changes.append((place, .norm(norm))) }
      case .table(let table)?:
        guard let hook = hooks[table: place] else { continue }
        let rows = Array(0..<table.rows)
        let own = pass.copy(pass.gather(table, rows: rows))
        hook.adapt(own, rows: rows, on: pass)
        changes.append((place, .table(WeightMatrix(own))))
      case .bias(let bias)?:
        guard let hook = hooks[linear: place] else { continue }
        guard let added = hook as? AddedBias else { return nil }
        let own = pass.copy(bias)
        pass.add(added.shift, to: own)
        changes.append((place, .bias(own)))
      case nil: continue
      }
    }
    return replacing(changes)
  }
}

extension HeadHook {
  /// A linear layer of a head with the hook merged into its weights.
  ///
  /// - Throws: an error if the layer has different sizes.
  public func merged(into layer: Linear, on pass: Pass) throws -> Linear {
    let own = HeadLayer(linear: layer, words: nil, bias: layer.bias)
    return try hook(for: own, on: pass).map { layer.merging($0, on: pass) } ?? layer
  }
}

extension LayerHooks {
  fileprivate var hasOnlyWeights: Bool {
    memory == nil && afterAttention == nil && afterFeedForward == nil && afterLayer == nil
  }
}

extension Linear {
  /// The layer with a hook merged into its weights, for a hook whose result is linear in the layer's.
  ///
  /// The weight is probed without the bias, to preserve the precision of what is added.
  func merging(_ hook: any ProjectionHook, on pass: Pass) -> Linear {
    func site(_ x: Tensor) -> Site { Site(layer: 0, segment: Segment(sequences: 0..<1, rows: [0..<x.rows])) }
    let x = pass.tensor(rows: inputs + 1, columns: inputs)
    for row in 0...inputs { for column in 0..<inputs { x[row, column] = row == column ? 1 : 0 } }
    let y = pass.linear(x, with(bias: nil))
    hook.adapt(y, input: x, at: site(x), on: pass)
    let (rows, offset) = (y.rows(0..<inputs), y.rows(inputs..<inputs + 1))
    AddedBias(pass.scaled(offset, by: -1)).adapt(rows, input: rows, at: site(rows), on: pass)
    let zero = x.rows(inputs..<inputs + 1)
    let own = pass.linear(zero, self)
    hook.adapt(own, input: zero, at: site(zero), on: pass)
    let isZero = bias == nil && own.array.allSatisfy { $0 == 0 }
    return pass.layer(weight: pass.transposed(rows), bias: isZero ? nil : own)
  }
}
