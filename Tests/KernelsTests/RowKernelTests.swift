import Glibc
import Kernels
import TestSupport
import Testing

/// Widths: one; primes; around the widths of vectors; a real model's.
private let widths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 97, 768]

@Suite struct RowKernelTests {
  // MARK: Layer norm

  private func naiveNorm(
    _ x: Matrix, _ r: Matrix?, gain: Matrix, bias: Matrix, eps: Float
  ) -> (values: [Double], sizes: [Double]) {
    var values: [Double] = []
    var sizes: [Double] = []
    for row in 0..<x.rows {
      // The sum is taken in float32: what follows is measured, not the sum.
      let sum = (0..<x.columns).map { Double(x[row, $0] + (r?[row, $0] ?? 0)) }
      let mean = sum.reduce(0, +) / Double(sum.count)
      let variance = sum.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sum.count)
      let rstd = 1 / (variance + Double(eps)).squareRoot()
      for column in 0..<x.columns {
        let (g, b) = (Double(gain[0, column]), Double(bias[0, column]))
        values.append((sum[column] - mean) * rstd * g + b)
        sizes.append((abs(sum[column]) + abs(mean)) * rstd * abs(g) + abs(b))
      }
    }
    return (values, sizes)
  }

  @Test(arguments: instructionSets, [false, true])
  func layerNormFollowsItsDefinition(_ set: VectorKernels.InstructionSet, _ hasResidual: Bool) throws {
    let kernels = try kernels(set)
    for width in widths {
      for (mean, deviation): (Float, Float) in [(0, 1), (-50, 3), (0, 1e-3), (1e4, 1e4), (0, 1e15)] {
        let x = Matrix.random(5, width, times: deviation, seed: 1)
        let shifted = Matrix(5, width) { x[$0, $1] + mean }
        let r = hasResidual ? Matrix.random(5, width, times: deviation, seed: 2) : nil
        let gain = Matrix.random(1, width, seed: 3)
        let bias = Matrix.random(1, width, seed: 4)
        let y = Matrix(5, width)
        kernels.layerNorm(
          shifted.values, plus: r?.values, gain: gain.pointer, bias: bias.pointer, eps: 1e-7, into: y.values)
        let (expected, sizes) = naiveNorm(shifted, r, gain: gain, bias: bias, eps: 1e-7)
        expectClose(y.array, expected, .op, sizes: sizes, "width \(width), mean \(mean)")
        #expect(y.gapsAreUntouched)
      }
    }
  }

  @Test(arguments: instructionSets)
  func layerNormMayReplaceEitherOfItsInputs(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      let (x, r) = (Matrix.random(5, width, seed: 1), Matrix.random(5, width, seed: 2))
      let (gain, bias) = (Matrix.random(1, width, seed: 3), Matrix.random(1, width, seed: 4))
      let y = Matrix(5, width)
      kernels.layerNorm(x.values, plus: r.values, gain: gain.pointer, bias: bias.pointer, eps: 1e-5, into: y.values)
      for replacesX in [true, false] {
        let (ownX, ownR) = (x.copy, r.copy)
        let into = replacesX ? ownX : ownR
        kernels.layerNorm(
          ownX.values, plus: ownR.values, gain: gain.pointer, bias: bias.pointer, eps: 1e-5, into: into.values)
        expectClose(into.array, y.array, .exact)
      }
    }
  }

  @Test(arguments: instructionSets)
  func layerNormOfEqualValuesIsTheBias(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      // 3 is a sum of few bits, whatever the width.
      let x = Matrix(2, width) { _, _ in 3 }
      let (gain, bias) = (Matrix.random(1, width, seed: 3), Matrix.random(1, width, seed: 4))
      let y = Matrix(2, width)
      kernels.layerNorm(x.values, gain: gain.pointer, bias: bias.pointer, eps: 1e-7, into: y.values)
      for row in 0..<2 { expectClose(y.row(row), bias.row(0), .exact) }
    }
  }

  // MARK: Softmax

  private func naiveSoftmax(_ row: [Float]) -> [Double] {
    let highest = row.max() ?? 0
    guard highest > -.infinity else { return row.map { _ in 0 } }
    let powers = row.map { exp(Double($0) - Double(highest)) }
    return powers.map { $0 / powers.reduce(0, +) }
  }

  @Test(arguments: instructionSets)
  func softmaxFollowsItsDefinition(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      for factor: Float in [0, 1, 20, 1e4, 1e30] {
        let x = Matrix.random(6, width, times: factor, seed: UInt64(width))
        let y = x.copy
        kernels.softmax(y.values)
        expectClose(y.array, (0..<6).flatMap { naiveSoftmax(x.row($0)) }, .op, "width \(width), factor \(factor)")
        #expect(y.gapsAreUntouched)
      }
    }
  }

  @Test(arguments: instructionSets)
  func whatIsHiddenGetsNothingAndARowOfNothingElseIsZero(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      let random = Matrix.random(6, width, seed: 1)
      // Row 0 sees all, row 1 every second, row 2 the last alone, row 3 the first alone, row 4 nothing, row 5 all.
      let x = Matrix(6, width) { row, column in
        switch row {
        case 1 where column % 2 == 1, 2 where column != width - 1, 3 where column != 0, 4: -.infinity
        default: random[row, column]
        }
      }
      let y = x.copy
      kernels.softmax(y.values)
      expectClose(y.array, (0..<6).flatMap { naiveSoftmax(x.row($0)) }, .op, "width \(width)")
      for row in 0..<6 {
        for column in 0..<width where x[row, column] == -.infinity { #expect(y[row, column] == 0) }
      }
      expectClose(y.row(2), (0..<width).map { $0 == width - 1 ? 1 : 0 }, .exact)
      expectClose(y.row(3), (0..<width).map { $0 == 0 ? 1 : 0 }, .exact)
    }
  }

  @Test(arguments: instructionSets)
  func softmaxOfTheLargestNumbersIsFinite(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let largest = Float.greatestFiniteMagnitude
    let rows: [[Float]] = [[largest, -largest, 0], [-largest, -largest, -largest], [largest, largest, 1]]
    let x = Matrix(3, 3) { rows[$0][$1] }
    kernels.softmax(x.values)
    let third = 1.0 / 3
    expectClose(x.array, [1, 0, 0, third, third, third, 0.5, 0.5, 0], .op)
  }

  @Test(arguments: instructionSets)
  func aRowWithNaNOrInfinityIsNaN(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      for (fault, others) in [(Float.nan, Float(1)), (.nan, -.infinity), (.infinity, 1)] {
        for place in Set([0, width / 2, width - 1]) {
          let x = Matrix(2, width) { row, column in row == 1 && column == place ? fault : others }
          kernels.softmax(x.values)
          let spoiled = x.row(1).contains { $0.isNaN }
          #expect(spoiled, "width \(width), \(fault) at \(place) among \(others)")
          #expect(x.row(0).allSatisfy { $0.isFinite })
        }
      }
    }
  }

  // MARK: Others

  @Test(arguments: instructionSets)
  func scaleMultipliesAndAdds(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      let (x, before) = (Matrix.random(4, width, seed: 1), Matrix.random(4, width, gap: 2, seed: 2))
      let (stored, added, own) = (before.copy, before.copy, x.copy)
      kernels.scale(x.values, by: -2, into: stored.values)
      kernels.scale(x.values, by: -2, into: added.values, accumulate: true)
      kernels.scale(own.values, by: -2, into: own.values)
      expectClose(stored.array, x.array.map { -2 * $0 }, .exact)
      expectClose(own.array, stored.array, .exact)
      expectClose(added.array, zip(x.array, before.array).map { $1 - 2 * $0 }, .exact)
      #expect(stored.gapsAreUntouched && added.gapsAreUntouched && own.gapsAreUntouched)
    }
  }

  @Test(arguments: instructionSets)
  func geluFollowsItsDefinitionInRowsWithAndWithoutGaps(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for width in widths {
      for gap in [0, 3] {
        let x = Matrix.random(3, width, gap: gap, times: 3, seed: 1)
        let y = x.copy
        kernels.gelu(y.values)
        let expected = x.array.map { 0.5 * Double($0) * (1 + erf(Double($0) / 2.0.squareRoot())) }
        expectClose(y.array, expected, .op, sizes: x.array.map { Double(abs($0)) })
        #expect(y.gapsAreUntouched)
      }
    }
  }

  @Test(arguments: instructionSets)
  func aRowDoesNotDependOnTheOtherRows(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let x = Matrix.random(9, 97, seed: 1)
    let (gain, bias) = (Matrix.random(1, 97, seed: 3), Matrix.random(1, 97, seed: 4))
    let operations: [(Rows) -> Void] = [
      { kernels.softmax($0) }, { kernels.gelu($0) },
      { kernels.layerNorm($0, gain: gain.pointer, bias: bias.pointer, eps: 1e-7, into: $0) },
    ]
    for operation in operations {
      let whole = x.copy
      operation(whole.values)
      for row in 0..<9 {
        let own = x.copy
        operation(own.values.slice(row..<row + 1))
        expectClose(own.row(row), whole.row(row), .exact)
      }
    }
  }
}
