import Glibc
import Kernels
import TestSupport
import Testing

/// A product's shape: y [rows, outputs] from x [rows, depth].
struct Shape: Sendable, CustomTestStringConvertible {
  let rows, outputs, depth: Int
  var testDescription: String { "[\(rows), \(depth)] by [\(outputs), \(depth)]" }

  /// One; primes; around the widths of vectors, panels and tiles of every instruction set; a real layer's depth.
  static let all =
    [1, 2, 5, 6, 7, 13, 14, 15, 29].flatMap { rows in
      [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65, 97].flatMap { outputs in
        [1, 2, 13, 64].map { Shape(rows: rows, outputs: outputs, depth: $0) }
      }
    } + [Shape(rows: 3, outputs: 70, depth: 3072), Shape(rows: 56, outputs: 768, depth: 97)]
}

@Suite struct ProductTests {
  /// Σ x w in float64, and Σ |x w|, what rounding is measured by.
  private func naive(_ x: Matrix, _ w: Matrix) -> (values: [Double], sizes: [Double]) {
    var values: [Double] = []
    var sizes: [Double] = []
    for row in 0..<x.rows {
      for output in 0..<w.rows {
        let terms = (0..<x.columns).map { Double(x[row, $0]) * Double(w[output, $0]) }
        values.append(terms.reduce(0, +))
        sizes.append(terms.reduce(0) { $0 + abs($1) })
      }
    }
    return (values, sizes)
  }

  private func gelu(_ x: Double) -> Double { 0.5 * x * (1 + erf(x / 2.0.squareRoot())) }

  @Test(arguments: instructionSets)
  func everyEpilogueOfAProductFollowsItsDefinition(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for shape in Shape.all {
      let x = Matrix.random(shape.rows, shape.depth, seed: 1)
      let w = Matrix.random(shape.outputs, shape.depth, times: 0.3, seed: 2)
      let before = Matrix.random(shape.rows, shape.outputs, seed: 3)
      let bias = Matrix.random(1, shape.outputs, seed: 4)
      let packed = w.packed(kernels)
      let (products, sizes) = naive(x, w)
      func expect(_ epilogue: Epilogue, bias: Matrix?, _ expected: (Int) -> Double) {
        let y = before.copy
        kernels.product(x.values, packed.panels, bias: bias?.values, into: y.values, epilogue: epilogue)
        expectClose(
          y.array, products.indices.map(expected), .op, sizes: sizes.map { $0 + 2 },
          "\(epilogue) of \(shape.testDescription)")
        #expect(y.gapsAreUntouched)
      }
      let (y, c) = (before.array.map(Double.init), bias.array.map(Double.init))
      expect(.store, bias: nil) { products[$0] }
      expect(.store, bias: bias) { products[$0] + c[$0 % shape.outputs] }
      expect(.accumulate, bias: nil) { products[$0] + y[$0] }
      expect(.gelu, bias: bias) { gelu(products[$0] + c[$0 % shape.outputs]) }
      expect(.gelu, bias: nil) { gelu(products[$0]) }
    }
  }

  @Test(arguments: instructionSets)
  func valuesOfVeryDifferentSizesAreMultiplied(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let x = Matrix(15, 37) { row, column in
      powf(10, Float((row * 7 + column * 5) % 31 - 15)) * (column % 3 == 0 ? -1 : 1)
    }
    let w = Matrix(33, 37) { row, column in powf(10, Float((row * 11 + column * 3) % 31 - 15)) }
    let y = Matrix(15, 33)
    let packed = w.packed(kernels)
    kernels.product(x.values, packed.panels, into: y.values)
    let (products, sizes) = naive(x, w)
    expectClose(y.array, products, .op, sizes: sizes)
  }

  /// What makes results independent of batch mates and of threads.
  @Test(arguments: instructionSets)
  func aRowOfAProductDoesNotDependOnTheOtherRows(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for (outputs, depth) in [(1, 64), (33, 64), (97, 13), (70, 768)] {
      let packed = Matrix.random(outputs, depth, seed: 2).packed(kernels)
      let x = Matrix.random(61, depth, seed: 1)
      let bias = Matrix.random(1, outputs, seed: 4)
      for epilogue in [Epilogue.store, .gelu, .accumulate] {
        let before = Matrix.random(61, outputs, seed: 3)
        let whole = before.copy
        kernels.product(x.values, packed.panels, bias: bias.values, into: whole.values, epilogue: epilogue)
        for range in [0..<1, 60..<61, 3..<8, 10..<24, 5..<20, 0..<60] {
          let part = before.copy
          kernels.product(
            x.values.slice(range), packed.panels, bias: bias.values, into: part.values.slice(range), epilogue: epilogue
          )
          for row in range { expectClose(part.row(row), whole.row(row), .exact, "row \(row) of \(range)") }
        }
      }
    }
  }

  @Test(arguments: instructionSets)
  func theOutputsOfSomePanelsAreThoseOfAllPanels(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let packed = Matrix.random(101, 29, seed: 2).packed(kernels)
    let x = Matrix.random(9, 29, seed: 1)
    let whole = Matrix(9, 101)
    kernels.product(x.values, packed.panels, into: whole.values)
    try #require(packed.panels.panelCount >= 4)
    for range in [0..<1, 1..<3, 2..<packed.panels.panelCount] {
      let outputs = packed.panels.outputs(of: range)
      let part = Matrix(9, outputs.count)
      kernels.product(x.values, packed.panels.slice(range), into: part.values)
      #expect(part.gapsAreUntouched)
      for row in 0..<9 { expectClose(part.row(row), Array(whole.row(row)[outputs]), .exact) }
    }
  }

  @Test(arguments: instructionSets)
  func whatIsPackedIsUnpacked(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for (outputs, inputs) in [(1, 1), (1, 40), (31, 17), (32, 16), (33, 15), (97, 48), (130, 3)] {
      let w = Matrix.random(outputs, inputs, seed: 2)
      let packed = w.packed(kernels)
      let back = Matrix(outputs, inputs)
      packed.unpack(into: back.values)
      expectClose(back.array, w.array, .exact)
      #expect(back.gapsAreUntouched)
    }
  }

  @Test(arguments: instructionSets)
  func packingInputsPacksTheTransposedMatrix(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for (outputs, inputs) in [(1, 1), (1, 40), (31, 17), (32, 16), (33, 15), (97, 48), (130, 3)] {
      let w = Matrix.random(outputs, inputs, seed: 2)
      let turned = Matrix(inputs, outputs) { w[$1, $0] }
      let fromOutputs = w.packed(kernels)
      let fromInputs = PackedWeight(outputs: outputs, inputs: inputs, kernels: kernels)
      kernels.packInputs(turned.values, into: fromInputs.panels)
      let count = Panels.count(outputs: outputs, inputs: inputs, width: kernels.panelWidth)
      func values(_ packed: PackedWeight) -> [Float] {
        (0..<count).map { packed.panels.base.assumingMemoryBound(to: Float.self)[$0] }
      }
      expectClose(values(fromInputs), values(fromOutputs), .exact)
      let padding = count - outputs * inputs
      #expect(values(fromOutputs).count { $0 == 0 } == padding, "what is behind the outputs is 0")
    }
  }

  @Test func aProductThroughOpenBLASFollowsItsDefinition() {
    let a = Matrix.random(7, 13, seed: 1)
    let b = Matrix.random(13, 5, seed: 2)
    let turned = Matrix(5, 13) { b[$1, $0] }
    let before = Matrix.random(7, 5, seed: 3)
    let (products, sizes) = naive(a, turned)
    let stored = before.copy
    Products.multiply(a.values, b.values, into: stored.values, scale: 2)
    expectClose(stored.array, products.map { 2 * $0 }, .op, sizes: sizes)
    let added = before.copy
    Products.multiply(a.values, b.values, into: added.values, accumulate: true)
    expectClose(added.array, zip(products, before.array).map { $0 + Double($1) }, .op, sizes: sizes)
    #expect(stored.gapsAreUntouched && added.gapsAreUntouched)
  }
}
