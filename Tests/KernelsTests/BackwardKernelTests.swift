import Glibc
import Kernels
import Tensors
import TestSupport
import Testing

/// Widths: one; primes; around the widths of vectors; a real model's.
private let widths = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 97, 768]

/// The backward halves beside their definitions in float64.
@Suite struct BackwardKernelTests {
  // MARK: GELU

  /// d/dx x Φ(x) = Φ(x) + x φ(x).
  private func slope(_ x: Float) -> Double {
    let x = Double(x)
    return 0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
  }

  @Test(arguments: instructionSets)
  func `The gradient of GELU follows its definition`(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      for factor: Float in [1e-20, 1, 3, 8, 1e10] {
        let x = Matrix.random(3, width, times: factor, seed: UInt64(width))
        let (dy, before) = (Matrix.random(3, width, gap: 2, seed: 2), Matrix.random(3, width, gap: 2, seed: 2))
        kernels.geluBackward(x.values, dy.values)
        let expected = zip(x.array, before.array).map { slope($0) * Double($1) }
        expectClose(dy.array, expected, .op, sizes: before.array.map { Double(abs($0)) }, "width \(width), \(factor)")
        #expect(dy.gapsAreUntouched)
      }
    }
  }

  /// Negative control in it: the least value of the slope is below 0, at -√2.
  @Test(arguments: instructionSets)
  func `GELU's slope at special values`(_ set: VectorKernels.InstructionSet) throws {
    let largest = Float.greatestFiniteMagnitude
    let points: [Float] = [0, -0.0, 1e-38, -Float(2).squareRoot(), 5, -5, 13, -13, 100, -100, largest, -largest]
    let x = Matrix(1, points.count) { points[$1] }
    let dy = Matrix(1, points.count) { _, _ in 1 }
    try kernels(set).geluBackward(x.values, dy.values)
    expectClose(dy.array, points.map(slope), .op)
    #expect(dy[0, 3] < -0.1)
  }

  // MARK: Layer norm

  /// rstd (g - mean(g) - n mean(g n)), n = (x - mean) rstd, g = dy gain, and the sizes of the terms.
  private func naiveNorm(
    _ x: Matrix, gain: Matrix, eps: Float, _ dy: Matrix
  ) -> (dx: [Double], sizes: [Double], stats: [Double]) {
    var (dx, sizes, stats): ([Double], [Double], [Double]) = ([], [], [])
    let count = Double(x.columns)
    for row in 0..<x.rows {
      let values = x.row(row).map { Double($0) }
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let rstd = 1 / (variance + Double(eps)).squareRoot()
      let n = values.map { ($0 - mean) * rstd }
      // How large what is taken from each other in n is.
      let parts = values.map { (abs($0) + abs(mean)) * rstd }
      let g = zip(dy.row(row), gain.row(0)).map { Double($0) * Double($1) }
      let (a, b) = (g.reduce(0, +) / count, zip(g, n).reduce(0) { $0 + $1.0 * $1.1 } / count)
      let sizeOfA = g.reduce(0) { $0 + abs($1) } / count
      let sizeOfB = zip(g, parts).reduce(0) { $0 + abs($1.0) * $1.1 } / count
      for column in g.indices {
        dx.append(rstd * (g[column] - a - n[column] * b))
        sizes.append(rstd * (abs(g[column]) + sizeOfA + parts[column] * sizeOfB))
      }
      stats += [mean, rstd]
    }
    return (dx, sizes, stats)
  }

  @Test(arguments: instructionSets)
  func `The gradient of layer norm follows its definition`(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      for (mean, deviation): (Float, Float) in [(0, 1), (-50, 3), (0, 1e-3), (1e4, 1e4), (0, 1e12)] {
        let x = Matrix.random(5, width, times: deviation, seed: 1)
        let shifted = Matrix(5, width) { x[$0, $1] + mean }
        let (gain, dy) = (Matrix.random(1, width, seed: 3), Matrix.random(5, width, gap: 2, seed: 4))
        let (dx, stats) = (Matrix(5, width, gap: 7), Matrix(5, 2, gap: 0))
        kernels.layerNormBackward(
          shifted.values, gain: gain.pointer, eps: 1e-7, dy.values, into: dx.values, stats: stats.pointer)
        let expected = naiveNorm(shifted, gain: gain, eps: 1e-7, dy)
        let what = "width \(width), mean \(mean), deviation \(deviation)"
        expectClose(dx.array, expected.dx, .op, sizes: expected.sizes, what)
        #expect(dx.gapsAreUntouched)
        if width > 1 {
          let sizes = zip(expected.stats, 0...).map { value, index in
            index % 2 == 0 ? Double(abs(mean) + deviation) : value
          }
          expectClose(stats.array, expected.stats, .op, sizes: sizes, what)
        }
        // Where dx replaces dy.
        kernels.layerNormBackward(
          shifted.values, gain: gain.pointer, eps: 1e-7, dy.values, into: dy.values, stats: stats.pointer)
        expectClose(dy.array, dx.array, .exact)
      }
    }
  }

  /// n of equal values is 0: what is left is rstd (g - mean(g)), with rstd = 1 / √eps.
  @Test(arguments: instructionSets)
  func `The gradient of the norm of equal values is finite`(_ set: VectorKernels.InstructionSet) throws {
    for width in widths {
      let x = Matrix(1, width) { _, _ in 3 }
      let (gain, dy) = (Matrix(1, width) { _, _ in 1 }, Matrix.random(1, width, seed: 4))
      let (dx, stats) = (Matrix(1, width), Matrix(1, 2, gap: 0))
      try kernels(set).layerNormBackward(
        x.values, gain: gain.pointer, eps: 0.25, dy.values, into: dx.values, stats: stats.pointer)
      let mean = dy.array.reduce(0.0) { $0 + Double($1) } / Double(width)
      expectClose(dx.array, dy.array.map { 2 * (Double($0) - mean) }, .op, sizes: dy.array.map { Double(abs($0)) + 4 })
    }
  }

  // MARK: Softmax

  @Test(arguments: instructionSets)
  func `The gradient of softmax follows its definition`(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      // Even shares; some; one value alone.
      for factor: Float in [0, 1, 20, 1e30] {
        let p = Matrix.random(6, width, times: factor, seed: UInt64(width))
        kernels.softmax(p.values)
        let (dp, before) = (Matrix.random(6, width, gap: 3, seed: 2), Matrix.random(6, width, gap: 3, seed: 2))
        kernels.softmaxBackward(p.values, dp.values)
        var (expected, sizes): ([Double], [Double]) = ([], [])
        for row in 0..<6 {
          let terms = zip(p.row(row), before.row(row)).map { Double($0) * Double($1) }
          let (sum, size) = (terms.reduce(0, +), terms.reduce(0) { $0 + abs($1) })
          for (share, slope) in zip(p.row(row), before.row(row)) {
            expected.append(Double(share) * (Double(slope) - sum))
            sizes.append(Double(share) * (Double(abs(slope)) + size))
          }
        }
        expectClose(dp.array, expected, .op, sizes: sizes, "width \(width), factor \(factor)")
        #expect(dp.gapsAreUntouched)
      }
    }
  }

  /// A token that sees nothing has shares of 0.
  @Test(arguments: instructionSets)
  func `Where softmax gave nothing there is no gradient`(_ set: VectorKernels.InstructionSet) throws {
    for width in widths {
      let p = Matrix(1, width) { _, _ in 0 }
      let dp = Matrix.random(1, width, times: 1e30, seed: 1)
      try kernels(set).softmaxBackward(p.values, dp.values)
      #expect(dp.array.allSatisfy { $0 == 0 })
    }
  }

  // MARK: Dropout

  /// Where a kept value becomes itself times the factor, and which are kept is a hash of the key and the number.
  private func keeps(_ number: Int, key: UInt32, probability: Double) -> Bool {
    var hash = UInt32(truncatingIfNeeded: number) &* 0x9E37_79B1 ^ key
    hash ^= hash >> 16
    hash = hash &* 0x85EB_CA6B
    hash ^= hash >> 13
    hash = hash &* 0xC2B2_AE35
    hash ^= hash >> 16
    return Double(hash) >= probability * 0x1p32
  }

  @Test(arguments: instructionSets)
  func `Dropout drops by the number of the element`(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      // Numbers beyond 32 bits start again.
      for (key, first): (UInt32, Int) in [(0, 0), (0xFFFF_FFFF, 77), (12345, Int(UInt32.max) - 3)] {
        let x = Matrix.random(4, width, seed: 1)
        let y = x.copy
        kernels.dropout(y.values, DropoutMask(key: key, probability: 0.25), first: first)
        let expected = x.array.enumerated().map { index, value in
          keeps(first + index, key: key, probability: 0.25) ? Double(value) / 0.75 : 0
        }
        expectClose(y.array, expected, .op)
        #expect(y.gapsAreUntouched)
        // Row by row it is the same.
        let rows = x.copy
        for row in 0..<4 {
          kernels.dropout(
            rows.values.slice(row..<row + 1), DropoutMask(key: key, probability: 0.25), first: first + row * width)
        }
        expectClose(rows.array, y.array, .exact)
      }
    }
  }

  @Test func `Every key drops other elements`() throws {
    let kernels = try kernels(.portable)
    func dropped(_ key: UInt32) -> [Float] {
      let y = Matrix(20, 50) { _, _ in 1 }
      kernels.dropout(y.values, DropoutMask(key: key, probability: 0.5))
      return y.array
    }
    let first = dropped(1)
    #expect(dropped(1) == first)
    for key: UInt32 in [0, 2, 3, 1 << 31] {
      // Of 1000 elements about a half agree.
      let equal = zip(first, dropped(key)).filter { $0 == $1 }.count
      #expect((400..<600).contains(equal), "key \(key): \(equal)")
    }
  }
}
