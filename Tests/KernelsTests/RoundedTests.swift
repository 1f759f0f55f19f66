import Kernels
import Tensors
import TestSupport
import Testing

/// A product of rounded weights and rows by its definition, one value at a time.
private protocol Definition {
  init(_ w: Matrix)
  /// The rows of w as products see them.
  var rounded: [Float] { get }
  /// One row of the product, before bias and epilogue.
  func row(_ x: [Float]) -> [Float]
}

private struct Int8Definition: Definition {
  private var weights: [(scale: Float, q: [Int])] = []

  init(_ w: Matrix) {
    weights = (0..<w.rows).map { output in
      let row = w.row(output)
      let most = row.map(abs).max() ?? 0
      guard most > 0 else { return (1, row.map { _ in 0 }) }
      let steps = 127 / most
      return (most / 127, row.map { Int(($0 * steps).rounded(.toNearestOrEven)) })
    }
  }

  var rounded: [Float] { weights.flatMap { weight in weight.q.map { weight.scale * Float($0) } } }

  func row(_ x: [Float]) -> [Float] {
    let (low, high) = (min(x.min() ?? 0, 0), max(x.max() ?? 0, 0))
    let range = high - low
    guard range > 0 else { return weights.map { _ in 0 } }
    let steps = 255 / range
    let zero = (-low * steps).rounded(.toNearestOrEven)
    let u = x.map { Int(min(max(($0 * steps).rounded(.toNearestOrEven) + zero, 0), 255)) }
    return weights.map { weight in
      let sum = zip(u, weight.q).reduce(0) { $0 + ($1.0 - Int(zero)) * $1.1 }
      return Float(sum) * (weight.scale * (range / 255))
    }
  }
}

/// Of each pair of inputs the second product comes first, and each is added by itself.
private struct BF16Definition: Definition {
  private let weights: [[Float]]

  init(_ w: Matrix) { weights = (0..<w.rows).map { w.row($0).map(Self.rounded) } }

  var rounded: [Float] { weights.flatMap { $0 } }

  func row(_ x: [Float]) -> [Float] {
    let x = x.map(Self.rounded)
    return weights.map { w in
      stride(from: 0, to: x.count, by: 2).reduce(Float(0)) { sum, k in
        (k + 1 < x.count ? sum + x[k + 1] * w[k + 1] : sum) + x[k] * w[k]
      }
    }
  }

  /// The nearest of the two numbers beside x that have the upper half of a float alone, the even one of equals.
  static func rounded(_ x: Float) -> Float {
    if abs(x) < 0x1p-50 { return 0 }
    let below = x.bitPattern >> 16
    let (low, high) = (Float(bitPattern: below << 16), Float(bitPattern: (below + 1) << 16))
    let (down, up) = (abs(Double(x) - Double(low)), abs(Double(high) - Double(x)))
    return down < up || (down == up && below % 2 == 0) ? low : high
  }
}

private func definition(_ rounding: Rounding, _ w: Matrix) -> any Definition {
  switch rounding {
  case .int8: Int8Definition(w)
  case .bf16: BF16Definition(w)
  }
}

/// Rounded rows in memory of their own.
private final class RoundedCopy {
  private let memory: UnsafeMutableRawPointer
  let rows: RoundedRows

  init(_ x: Rows, _ rounding: Rounding, _ kernels: VectorKernels) {
    let stride = kernels.rowBytes(rounding, columns: x.columns)
    memory = .allocate(byteCount: x.rows * stride, alignment: 64)
    rows = RoundedRows(memory, stride: stride, rounding, rows: x.rows, columns: x.columns)
    kernels.round(x, to: rows)
  }

  deinit { memory.deallocate() }
}

extension Matrix {
  /// A method so that its memory lives until it is packed.
  fileprivate func packed(_ rounding: Rounding, _ kernels: VectorKernels) -> PackedWeight {
    let packed = PackedWeight(outputs: rows, inputs: columns, type: .rounded(rounding), kernels: kernels)
    let memory = UnsafeMutableRawPointer.allocate(byteCount: rows * columns * rounding.byteCount, alignment: 64)
    let scales = UnsafeMutablePointer<Float>.allocate(capacity: rows)
    defer {
      memory.deallocate()
      scales.deallocate()
    }
    let rounded = RoundedWeights(memory, scales: scales, rounding, rows: rows, columns: columns)
    kernels.round(values, to: rounded)
    kernels.pack(rounded, into: packed.panels)
    return packed
  }
}

@Suite struct RoundedTests {
  /// y = x wᵀ + bias of rounded rows and weights.
  private func product(
    _ x: Matrix, _ w: Matrix, _ rounding: Rounding, _ kernels: VectorKernels, bias: Matrix? = nil,
    epilogue: Epilogue = .store
  ) -> Matrix {
    let (rounded, packed, y) = (
      RoundedCopy(x.values, rounding, kernels), w.packed(rounding, kernels), Matrix(x.rows, w.rows)
    )
    kernels.product(rounded.rows, packed.panels, bias: bias?.values, into: y.values, epilogue: epilogue)
    withExtendedLifetime((rounded, packed, bias)) {}
    return y
  }

  /// Every instruction set has the bits of the definition, so all have those of each other.
  @Test(arguments: instructionSets, Rounding.allCases)
  func aRoundedProductHasTheBitsOfItsDefinition(
    _ set: VectorKernels.InstructionSet, _ rounding: Rounding
  ) throws {
    let kernels = try kernels(set)
    for shape in Shape.all {
      let w = Matrix.random(shape.outputs, shape.depth, times: 0.3, seed: 2)
      let x = Matrix.random(shape.rows, shape.depth, seed: 1)
      let before = Matrix.random(shape.rows, shape.outputs, seed: 3)
      let bias = Matrix.random(1, shape.outputs, seed: 4)
      let packed = w.packed(rounding, kernels)
      let rounded = RoundedCopy(x.values, rounding, kernels)
      let definition = definition(rounding, w)
      let products = (0..<shape.rows).flatMap { definition.row(x.row($0)) }
      func expect(_ epilogue: Epilogue, bias: Matrix?, _ expected: (Int) -> Float) {
        let y = before.copy
        kernels.product(rounded.rows, packed.panels, bias: bias?.values, into: y.values, epilogue: epilogue)
        expectClose(y.array, products.indices.map(expected), .exact, "\(epilogue) of \(shape.testDescription)")
        #expect(y.gapsAreUntouched)
      }
      let (y, c) = (before.array, bias.array)
      expect(.store, bias: nil) { products[$0] }
      expect(.store, bias: bias) { products[$0] + c[$0 % shape.outputs] }
      expect(.accumulate, bias: nil) { products[$0] + y[$0] }
      withExtendedLifetime(rounded) {}
    }
  }

  @Test(arguments: instructionSets, Rounding.allCases)
  func aRoundedProductIsNearTheExactOneAndNotEqualToIt(
    _ set: VectorKernels.InstructionSet, _ rounding: Rounding
  ) throws {
    let kernels = try kernels(set)
    let (w, x) = (Matrix.random(97, 768, times: 0.3, seed: 2), Matrix.random(29, 768, seed: 1))
    let (exact, packed) = (Matrix(29, 97), w.packed(kernels))
    kernels.product(x.values, packed.panels, into: exact.values, epilogue: .gelu)
    let y = product(x, w, rounding, kernels, epilogue: .gelu)
    withExtendedLifetime(packed) {}
    expectFarOff(y.array, exact.array)
    expectClose(y.array, exact.array, .rounded, sizes: exact.array.map { abs(Double($0)) + 8 })
  }

  /// Sums of int8 reach 255 · 127 · K, and those of bf16 neither overflow nor become subnormal.
  @Test(arguments: instructionSets)
  func theLargestAndTheSmallestValuesStayExact(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let columns = 1024
    let (w, x) = (Matrix(33, columns) { _, _ in 127 }, Matrix(7, columns) { _, _ in 255 })
    #expect(product(x, w, .int8, kernels).array.allSatisfy { $0 == 255 * 127 * 1024 })

    let sizes: [Float] = [1, 0x1p-49, 0x1p-51, 0x1p-130, 0x1p60, 0x1p-26]
    let small = Matrix(7, columns) { sizes[($0 + $1) % 6] * ($1 % 3 == 0 ? -1.25 : 1.5) }
    let weights = Matrix(33, columns) { sizes[($0 * 5 + $1) % 6] * ($1 % 5 == 0 ? -1 : 1.75) }
    let definition = BF16Definition(weights)
    let y = product(small, weights, .bf16, kernels)
    expectClose(y.array, (0..<7).flatMap { definition.row(small.row($0)) }, .exact)
  }

  @Test(arguments: instructionSets, Rounding.allCases)
  func aRowThatIsNotFiniteSpoilsItselfAlone(_ set: VectorKernels.InstructionSet, _ rounding: Rounding) throws {
    let kernels = try kernels(set)
    let w = Matrix.random(33, 40, seed: 2)
    let bad: [Float] = [.nan, .infinity, -.infinity]
    let x = Matrix(7, 40) { row, column in
      row % 2 == 1 && column == 13 * (row / 2) ? bad[row / 2] : row == 4 ? 0 : Float(row - column)
    }
    let bias = Matrix.random(1, 33, seed: 4)
    let y = product(x, w, rounding, kernels, bias: bias)
    for row in 0..<7 {
      #expect(y.row(row).allSatisfy { $0.isFinite == (row % 2 == 0) }, "row \(row)")
    }
    expectClose(y.row(4), bias.array, .exact, "a row of zeros")
  }

  @Test(arguments: instructionSets, Rounding.allCases)
  func aWeightThatIsNotFiniteSpoilsItsOutputAlone(
    _ set: VectorKernels.InstructionSet, _ rounding: Rounding
  ) throws {
    let kernels = try kernels(set)
    let w = Matrix(33, 40) { $0 == 17 && $1 == 5 ? .nan : Float($0 + $1) * 0.1 }
    let x = Matrix.random(3, 40, seed: 1)
    let y = product(x, w, rounding, kernels)
    for row in 0..<3 { #expect(y.row(row).enumerated().allSatisfy { $1.isNaN == ($0 == 17) }) }
  }

  @Test(arguments: instructionSets, Rounding.allCases)
  func roundedWeightsAreUnpackedAndTransposedAsProductsSeeThem(
    _ set: VectorKernels.InstructionSet, _ rounding: Rounding
  ) throws {
    let kernels = try kernels(set)
    for (outputs, inputs) in [(1, 1), (1, 40), (31, 17), (32, 16), (33, 15), (97, 48), (130, 3)] {
      let w = Matrix.random(outputs, inputs, seed: 2)
      let packed = w.packed(rounding, kernels)
      let (back, transposed) = (Matrix(outputs, inputs), Matrix(inputs, outputs))
      packed.unpack(into: back.values)
      packed.transposed.unpack(into: transposed.values)
      expectClose(back.array, definition(rounding, w).rounded, .exact)
      expectClose(transposed.array, Matrix(inputs, outputs) { back[$1, $0] }.array, .exact)
      #expect(packed.transposed.type == .exact(.float32) && back.gapsAreUntouched)
    }
  }
}
