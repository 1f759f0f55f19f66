public import Kernels

/// A linear layer: y = x Wᵀ + b. W [outputs, inputs], b [outputs] or none.
public struct Linear: Sendable {
  public let weight: PackedWeight
  /// [1, outputs]
  public let bias: Tensor?
  /// W as rows, where a tape watches it.
  let rows: Tensor?

  public var inputs: Int { weight.inputs }
  public var outputs: Int { weight.outputs }

  public init(weight: PackedWeight, bias: Tensor?) { self.init(weight: weight, bias: bias, rows: nil) }

  /// Packs a weight [outputs, inputs].
  public init(weight: Tensor, bias: Tensor? = nil, _ compute: Compute) {
    self.init(weight: compute.packed(weight), bias: bias)
  }

  /// The same weight with another bias [1, outputs], or none.
  public func with(bias: Tensor?) -> Linear { Linear(weight: weight, bias: bias, rows: rows) }

  fileprivate init(weight: PackedWeight, bias: Tensor?, rows: Tensor?) {
    precondition(bias.map { $0.columns == weight.outputs } ?? true, "a bias of another width than the weight")
    self.weight = weight
    self.bias = bias
    self.rows = rows
  }
}

extension Compute {
  /// Packs a weight [outputs, inputs] in its own type, split over threads.
  public func packed(_ weight: WeightMatrix) -> PackedWeight {
    let packed = PackedWeight(
      outputs: weight.rows, inputs: weight.columns, type: .exact(weight.type), kernels: kernels)
    let values = weight.values
    let step = 4
    threads.forEach((packed.panels.panelCount + step - 1) / step) { item in
      let panels = item * step..<min((item + 1) * step, packed.panels.panelCount)
      kernels.packOutputs(values.slice(packed.panels.outputs(of: panels)), into: packed.panels.slice(panels))
    }
    withExtendedLifetime(weight) {}
    return packed
  }

  /// Rounds and packs a weight [outputs, inputs], split over threads.
  public func packed(_ weight: WeightMatrix, roundedTo rounding: Rounding) -> PackedWeight {
    let packed = PackedWeight(
      outputs: weight.rows, inputs: weight.columns, type: .rounded(rounding), kernels: kernels)
    let values = weight.values
    threads.forEach(packed.panels.panelCount) { item in
      let panel = packed.panels.slice(item..<item + 1)
      let rounded = RoundedMatrix(rows: panel.outputs, columns: panel.inputs, rounding, from: buffers)
      rounded.round(values.slice(packed.panels.outputs(of: item..<item + 1)), self)
      kernels.pack(rounded.values, into: panel)
    }
    withExtendedLifetime(weight) {}
    return packed
  }

  /// Packs rounded weights [outputs, inputs], split over threads.
  public func packed(_ weight: RoundedWeights) -> PackedWeight {
    let packed = PackedWeight(
      outputs: weight.rows, inputs: weight.columns, type: .rounded(weight.rounding), kernels: kernels)
    threads.forEach(packed.panels.panelCount) { item in
      kernels.pack(
        weight.slice(packed.panels.outputs(of: item..<item + 1)), into: packed.panels.slice(item..<item + 1))
    }
    return packed
  }

  /// Packs float32 rows [outputs, inputs], split over threads.
  public func packed(_ weight: Tensor) -> PackedWeight { packed(WeightMatrix(weight)) }

  /// The rows [outputs, inputs] of a packed weight, as float32.
  public func unpacked(_ weight: PackedWeight) -> Tensor {
    let rows = tensor(rows: weight.outputs, columns: weight.inputs)
    weight.unpack(into: rows.values)
    return rows
  }
}

extension Pass {
  /// A linear layer of a weight [outputs, inputs], packed; where the tape tracks the weight, its gradient is found too.
  public func layer(weight: Tensor, bias: Tensor? = nil) -> Linear {
    Linear(weight: compute.packed(weight), bias: bias, rows: tape?.tracks(weight) == true ? weight : nil)
  }

  /// A linear layer of a weight [outputs, inputs] in its own type; a tape tracks it where it is a tensor.
  ///
  /// The weight and the rows of its products are rounded as `rounding` says, unless the tape tracks the weight or it has
  /// more inputs than that allows.
  public func layer(weight: WeightMatrix, bias: Tensor? = nil, roundedTo rounding: Rounding? = nil) -> Linear {
    if let tensor = weight.tensor, tape?.tracks(tensor) == true { return layer(weight: tensor, bias: bias) }
    if let rounding, weight.columns <= rounding.maximumInputs {
      return Linear(weight: compute.packed(weight, roundedTo: rounding), bias: bias)
    }
    return Linear(weight: compute.packed(weight), bias: bias)
  }

  /// x Wᵀ + b. x [M, inputs] → [M, outputs].
  public func linear(_ x: Tensor, _ layer: Linear) -> Tensor {
    let y = tensor(rows: x.rows, columns: layer.outputs)
    compute.product(x.values, layer.weight.panels, bias: layer.bias?.values, into: y.values)
    recordProduct(x, layer, y)
    return y
  }

  /// gelu(x Wᵀ + b), with the exact erf.
  public func linearGELU(_ x: Tensor, _ layer: Linear) -> Tensor {
    let y = tensor(rows: x.rows, columns: layer.outputs)
    if let tape = tape(following: x, layer.rows, layer.bias) {
      // The product stands apart from y, for the derivative; to the tape it is what y was before the activation.
      let product = tensor(rows: x.rows, columns: layer.outputs)
      compute.product(x.values, layer.weight.panels, bias: layer.bias?.values, into: product.values)
      recordProduct(x, layer, y)
      compute.forEachBlock(of: y.rows) { [kernels] in kernels.gelu(product.values.slice($0), into: y.values.slice($0)) }
      tape.record(y) { [compute, kernels] dy in
        compute.forEachBlock(of: dy.rows) { kernels.geluBackward(product.values.slice($0), dy.values.slice($0)) }
      }
      return y
    }
    compute.product(x.values, layer.weight.panels, bias: layer.bias?.values, into: y.values, epilogue: .gelu)
    return y
  }

  /// Adds x Wᵀ to y, in place; the layer has no bias.
  public func addLinear(_ x: Tensor, _ layer: Linear, to y: Tensor) {
    precondition(layer.bias == nil, "a product that is added to another has no bias")
    compute.product(x.values, layer.weight.panels, into: y.values, epilogue: .accumulate)
    changed(y)
    recordProduct(x, layer, y)
  }

  /// dx += dy W,  dW += dyᵀ x,  db += Σ dy.
  private func recordProduct(_ x: Tensor, _ layer: Linear, _ y: Tensor) {
    guard let tape = tape(following: x, layer.rows, layer.bias) else { return }
    let (dx, dw, db) = (tape.gradient(x), tape.gradient(layer.rows), tape.gradient(layer.bias))
    let (input, rows) = (dw == nil ? nil : tape.saved(x), layer.rows.map(tape.saved))
    tape.record(y) { [compute] dy in
      if let dw, let input {
        dw.add { compute.product(.transposed(dy.values), .plain(input.value.values), into: $0.values, accumulate: !$1) }
      }
      if let db { compute.addColumnSums(dy, to: db.values) }
      dx?.add { target, replacing in
        if let rows {
          compute.product(.plain(dy.values), .plain(rows.value.values), into: target.values, accumulate: !replacing)
        } else {
          compute.product(
            dy.values, layer.weight.transposed.panels, into: target.values, epilogue: replacing ? .store : .accumulate)
        }
      }
    }
  }

  /// a b, of matrices that are used once. a [M, K], b [K, N] → [M, N].
  public func product(_ a: Tensor, _ b: Tensor) -> Tensor {
    let y = tensor(rows: a.rows, columns: b.columns)
    compute.product(.plain(a.values), .plain(b.values), into: y.values)
    recordProduct(of: a, b, y)
    return y
  }

  /// y += a b, of matrices that are used once. a [M, K], b [K, N], y [M, N].
  public func addProduct(_ a: Tensor, _ b: Tensor, to y: Tensor) {
    compute.product(.plain(a.values), .plain(b.values), into: y.values, accumulate: true)
    changed(y)
    recordProduct(of: a, b, y)
  }

  /// da += dy bᵀ,  db += aᵀ dy.
  private func recordProduct(of a: Tensor, _ b: Tensor, _ y: Tensor) {
    guard let tape = tape(following: a, b) else { return }
    let (da, db) = (tape.gradient(a), tape.gradient(b))
    let (a, b) = (tape.saved(a), tape.saved(b))
    tape.record(y) { [compute] dy in
      da?.add {
        compute.product(.plain(dy.values), .transposed(b.value.values), into: $0.values, accumulate: !$1)
      }
      db?.add {
        compute.product(.transposed(a.value.values), .plain(dy.values), into: $0.values, accumulate: !$1)
      }
    }
  }
}

extension Compute {
  /// y = a b (+ y) by OpenBLAS, in pieces that depend on the shape alone: any number of threads gives the same bits.
  func product(_ a: Products.Operand, _ b: Products.Operand, into y: Rows, accumulate: Bool = false) {
    let (height, width) = (128, 384)
    let (down, across) = ((y.rows + height - 1) / height, (y.columns + width - 1) / width)
    threads.forEach(down * across) { item in
      let rows = item / across * height..<min((item / across + 1) * height, y.rows)
      let columns = item % across * width..<min((item % across + 1) * width, y.columns)
      Products.multiply(
        a.rows(rows), b.columns(columns), into: y.slice(rows).columns(columns), accumulate: accumulate)
    }
  }

  /// sums [1, columns] += the sum of the rows of x.
  func addColumnSums(_ x: Tensor, to sums: Tensor) {
    let width = 64
    threads.forEach((x.columns + width - 1) / width) { item in
      let columns = item * width..<min((item + 1) * width, x.columns)
      let target = sums.values.columns(columns)
      for row in 0..<x.rows {
        kernels.scale(x.values.slice(row..<row + 1).columns(columns), by: 1, into: target, accumulate: true)
      }
    }
  }
}
