internal import Kernels

extension Pass {
  /// Applies an activation in place: dx = dy activation'(x).
  public func activate(_ x: Tensor, _ activation: Activation) {
    if activation == .linear { return }
    let before = tape(following: x) == nil ? nil : compute.copy(x)
    compute.forEachBlock(of: x.rows) { [kernels] rows in
      let block = x.values.slice(rows)
      if activation.isExactGELU { return kernels.gelu(block) }
      for row in 0..<block.rows {
        let values = block.base + row * block.stride
        for column in 0..<block.columns { values[column] = activation(values[column]) }
      }
    }
    changed(x)
    guard let before else { return }
    tape?.record(x) { [compute, kernels] dy in
      compute.forEachBlock(of: dy.rows) { rows in
        let (inputs, gradients) = (before.values.slice(rows), dy.values.slice(rows))
        if activation.isExactGELU { return kernels.geluBackward(inputs, gradients) }
        for row in 0..<inputs.rows {
          let (x, d) = (inputs.base + row * inputs.stride, gradients.base + row * gradients.stride)
          for column in 0..<inputs.columns { d[column] *= activation.derivative(x[column]) }
        }
      }
    }
  }

  /// Sets elements to 0 with a probability and scales the others, in place; nothing in evaluation.
  public func dropout(_ x: Tensor, _ probability: Float) {
    guard let mask = dropoutMask(probability) else { return }
    compute.dropout(x, mask)
    changed(x)
    if tape(following: x) != nil { tape?.record(x) { [compute] dy in compute.dropout(dy, mask) } }
  }

  /// x after dropout: a copy in training, x itself in evaluation.
  public func dropped(_ x: Tensor, _ probability: Float) -> Tensor {
    guard isTraining, probability > 0 else { return x }
    let y = copy(x)
    dropout(y, probability)
    return y
  }

  /// Adds factor · x to y, in place.
  public func add(_ x: Tensor, times factor: Float = 1, to y: Tensor) {
    compute.add(x, times: factor, to: y)
    changed(y)
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return }
    tape.record(y) { [compute] dy in dx.add { compute.add(dy, times: factor, to: $0, replacing: $1) } }
  }

  /// y[m] += x, in place. x [1, columns]; dx = Σ dy.
  public func add(row x: Tensor, to y: Tensor) {
    precondition(x.rows == 1 && x.columns == y.columns, "[\(x.rows), \(x.columns)] to rows of \(y.columns)")
    compute.forEachBlock(of: y.rows) { [kernels] rows in
      for row in rows {
        kernels.scale(x.values, by: 1, into: y.values.slice(row..<row + 1), accumulate: true)
      }
    }
    changed(y)
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return }
    tape.record(y) { [compute] dy in compute.addColumnSums(dy, to: dx.values) }
  }

  /// factor · x.
  public func scaled(_ x: Tensor, by factor: Float) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    compute.add(x, times: factor, to: y, replacing: true)
    guard let tape = tape(following: x), let dx = tape.gradient(x) else { return y }
    tape.record(y) { [compute] dy in dx.add { compute.add(dy, times: factor, to: $0, replacing: $1) } }
    return y
  }

  /// A copy of x.
  public func copy(_ x: Tensor) -> Tensor { scaled(x, by: 1) }

  /// y = x.
  public func copy(_ x: Tensor, into y: Tensor) {
    if x.pointer == y.pointer { return }
    compute.add(x, to: y, replacing: true)
    changed(y)
    guard let tape = tape(following: x, y) else { return }
    let (dx, wasTracked) = (tape.gradient(x), tape.tracks(y))
    tape.record(y) { [compute] dy in
      dx?.add { compute.add(dy, to: $0, replacing: $1) }
      if wasTracked { compute.clear(dy) }
    }
  }

  /// Multiplies x in place by a factor.
  public func scale(_ x: Tensor, by factor: Float) {
    if factor == 1 { return }
    kernels.scale(x.values, by: factor, into: x.values)
    changed(x)
    if tape(following: x) != nil {
      tape?.record(x) { [kernels] dy in kernels.scale(dy.values, by: factor, into: dy.values) }
    }
  }

  /// Multiplies each column of x by its factor, in place. factors [1, columns]; dx = dy f, df = Σ dy x.
  public func scaleColumns(_ x: Tensor, by factors: Tensor) {
    precondition(factors.columns == x.columns, "[1, \(factors.columns)] over [\(x.rows), \(x.columns)]")
    let before = tape(following: factors) == nil ? nil : compute.copy(x)
    compute.scaleColumns(x, by: factors)
    changed(x)
    guard let tape = tape(following: x, factors) else { return }
    let (df, saved) = (tape.gradient(factors), tape.saved(factors))
    tape.record(x) { [compute] dy in
      if let df, let before {
        compute.multiply(before, by: dy)
        compute.addColumnSums(before, to: df.values)
      }
      compute.scaleColumns(dy, by: saved.value)
    }
  }

  /// Multiplies x in place by a factor [1, 1] that may be trained.
  public func scale(_ x: Tensor, by factor: Tensor) { scaleRows(x, [0..<x.rows], by: factor) }

  /// Multiplies each run of rows of x by its factor, in place. factors [runs, 1]; dx = dy f, df = Σ dy x over the run.
  public func scaleRows(_ x: Tensor, _ runs: [Range<Int>], by factors: Tensor) {
    precondition(factors.rows == runs.count, "\(factors.rows) factors for \(runs.count) runs of rows")
    let before = tape(following: factors) == nil ? nil : compute.copy(x)
    compute.scaleRows(x, runs, by: factors)
    changed(x)
    guard let tape = tape(following: x, factors) else { return }
    let (df, saved) = (tape.gradient(factors), tape.saved(factors))
    tape.record(x) { [compute] dy in
      if let df, let before {
        let sums = df.values
        for (index, run) in runs.enumerated() {
          sums.pointer[index * sums.stride] += compute.dot(before.rows(run), dy.rows(run))
        }
      }
      compute.scaleRows(dy, runs, by: saved.value)
    }
  }

  /// x / y, element by element: dx = dz / y, dy = - dz x / y². All of one shape.
  public func quotient(_ x: Tensor, _ y: Tensor) -> Tensor {
    precondition(x.rows == y.rows && x.columns == y.columns, "[\(x.rows), \(x.columns)] by [\(y.rows), \(y.columns)]")
    let z = tensor(rows: x.rows, columns: x.columns)
    for row in 0..<x.rows {
      for column in 0..<x.columns { z[row, column] = x[row, column] / y[row, column] }
    }
    guard let tape = tape(following: x, y) else { return z }
    let (dx, dy) = (tape.gradient(x), tape.gradient(y))
    let (numerator, denominator) = (tape.saved(x), tape.saved(y))
    tape.record(z) { dz in
      let (x, y) = (numerator.value, denominator.value)
      let (dx, dy) = (dx?.values, dy?.values)
      for row in 0..<x.rows {
        for column in 0..<x.columns {
          let share = dz[row, column] / y[row, column]
          dx?.add(share, row, column)
          dy?.add(-share * x[row, column] / y[row, column], row, column)
        }
      }
    }
    return z
  }
}

extension Compute {
  func copy(_ x: Tensor) -> Tensor {
    let y = tensor(rows: x.rows, columns: x.columns)
    add(x, to: y, replacing: true)
    return y
  }

  fileprivate func dropout(_ x: Tensor, _ mask: DropoutMask) {
    forEachBlock(of: x.rows, size: 128) { rows in
      kernels.dropout(x.values.slice(rows), mask, first: rows.lowerBound * x.columns)
    }
  }

  fileprivate func scaleColumns(_ x: Tensor, by factors: Tensor) {
    forEachBlock(of: x.rows, size: 128) { rows in
      for row in rows {
        let values = x.pointer + row * x.stride
        for column in 0..<x.columns { values[column] *= factors.pointer[column] }
      }
    }
  }

  fileprivate func scaleRows(_ x: Tensor, _ runs: [Range<Int>], by factors: Tensor) {
    for (index, run) in runs.enumerated() {
      let rows = x.values.slice(run)
      kernels.scale(rows, by: factors.pointer[index * factors.stride], into: rows)
    }
  }

  /// x *= y, element by element.
  fileprivate func multiply(_ x: Tensor, by y: Tensor) {
    forEachBlock(of: x.rows, size: 128) { rows in
      for row in rows {
        let (a, b) = (x.pointer + row * x.stride, y.pointer + row * y.stride)
        for column in 0..<x.columns { a[column] *= b[column] }
      }
    }
  }

  /// Σ x y over all elements.
  fileprivate func dot(_ x: Tensor, _ y: Tensor) -> Float {
    var sum = 0.0
    for row in 0..<x.rows {
      for column in 0..<x.columns { sum += Double(x[row, column]) * Double(y[row, column]) }
    }
    return Float(sum)
  }
}

extension Activation {
  fileprivate var isExactGELU: Bool { self == .gelu || self == .geluPython }
}
