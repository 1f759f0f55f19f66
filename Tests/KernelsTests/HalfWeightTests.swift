import Kernels
import Tensors
import TestSupport
import Testing

/// A weight of halves with gaps between its rows, and the same values as float32.
private final class Halves {
  let type: WeightType
  let wide: Matrix
  private let base: UnsafeMutablePointer<UInt16>
  private let stride: Int

  init(_ type: WeightType, _ rows: Int, _ columns: Int, bits: (Int, Int) -> UInt16) {
    self.type = type
    let stride = columns + 3
    base = .allocate(capacity: rows * stride)
    base.initialize(repeating: 0x7FFF, count: rows * stride)  // not a number in either type
    for row in 0..<rows { for column in 0..<columns { base[row * stride + column] = bits(row, column) } }
    let base = base
    wide = Matrix(rows, columns) { Halves.value(of: base[$0 * stride + $1], type) }
    self.stride = stride
  }

  deinit { base.deallocate() }

  /// Values of the standard normal distribution times a factor, rounded to the type.
  static func random(_ type: WeightType, _ rows: Int, _ columns: Int, seed: UInt64) -> Halves {
    var random = RandomNumbers(seed: seed)
    return Halves(type, rows, columns) { _, _ in
      let value = 0.3 * random.normal()
      return type == .float16 ? Float16(value).bitPattern : UInt16(truncatingIfNeeded: value.bitPattern >> 16)
    }
  }

  /// What the definition of the type says.
  static func value(of bits: UInt16, _ type: WeightType) -> Float {
    type == .float16 ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
  }

  var values: WeightRows {
    WeightRows(base, type, rows: wide.rows, columns: wide.columns, stride: stride)
  }
}

private let halves: [WeightType] = [.float16, .bfloat16]

@Suite struct HalfWeightTests {
  /// All 65,536 of them: zeros, subnormal and normal numbers, infinities; and what is not a number stays so.
  @Test(arguments: instructionSets, halves)
  func everyHalfIsWidenedExactly(_ set: VectorKernels.InstructionSet, _ type: WeightType) throws {
    let kernels = try kernels(set)
    let all = Halves(type, 256, 256) { UInt16($0 * 256 + $1) }
    let widened = Matrix(256, 256)
    kernels.widen(all.values, into: widened.values)
    for bits in 0..<65_536 {
      let (expected, found) = (Halves.value(of: UInt16(bits), type), widened[bits / 256, bits % 256])
      let isRight = expected.isNaN ? found.isNaN : found.bitPattern == expected.bitPattern
      #expect(isRight, "\(type) \(bits): \(found), expected \(expected)")
      if !isRight { break }
    }
    #expect(widened.gapsAreUntouched)
  }

  @Test(arguments: instructionSets, halves)
  func aProductWithHalvesHasTheBitsOfTheSameValuesInFloat32(
    _ set: VectorKernels.InstructionSet, _ type: WeightType
  ) throws {
    let kernels = try kernels(set)
    for shape in Shape.all {
      let w = Halves.random(type, shape.outputs, shape.depth, seed: 2)
      let x = Matrix.random(shape.rows, shape.depth, seed: 1)
      let before = Matrix.random(shape.rows, shape.outputs, seed: 3)
      let bias = Matrix.random(1, shape.outputs, seed: 4)
      let (packed, wide) = (PackedWeight(w.values, kernels: kernels), w.wide.packed(kernels))
      let scratch = Matrix(1, shape.depth * kernels.panelWidth)
      for epilogue in [Epilogue.store, .gelu, .accumulate] {
        let expected = before.copy
        kernels.product(x.values, wide.panels, bias: bias.values, into: expected.values, epilogue: epilogue)
        for scratch in [nil, scratch.pointer] {
          let y = before.copy
          kernels.product(
            x.values, packed.panels, bias: bias.values, into: y.values, epilogue: epilogue, scratch: scratch)
          expectClose(y.array, expected.array, .exact, "\(epilogue) of \(shape.testDescription)")
          #expect(y.gapsAreUntouched)
        }
      }
      #expect(scratch.gapsAreUntouched)
    }
  }

  /// Negative control: halves of one type read as the other are other values.
  @Test(arguments: instructionSets)
  func theTypeOfHalvesCounts(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let bits = Halves.random(.float16, 33, 64, seed: 2)
    let other = WeightRows(bits.values.base, .bfloat16, rows: 33, columns: 64, stride: bits.values.stride)
    let x = Matrix.random(3, 64, seed: 1)
    let (right, wrong) = (Matrix(3, 33), Matrix(3, 33))
    for (rows, y) in [(bits.values, right), (other, wrong)] {
      let packed = PackedWeight(rows, kernels: kernels)
      withExtendedLifetime(packed) { kernels.product(x.values, packed.panels, into: y.values) }
    }
    expectFarOff(wrong.array, right.array)
  }

  @Test(arguments: instructionSets, halves)
  func packedHalvesAreUnpackedAndTransposedExactly(_ set: VectorKernels.InstructionSet, _ type: WeightType) throws {
    let kernels = try kernels(set)
    for (outputs, inputs) in [(1, 1), (1, 40), (31, 17), (32, 16), (33, 15), (97, 48), (130, 3)] {
      let w = Halves.random(type, outputs, inputs, seed: 2)
      let packed = PackedWeight(w.values, kernels: kernels)
      #expect(packed.type == .exact(type) && packed.transposed.type == .exact(type))
      let (back, transposed) = (Matrix(outputs, inputs), Matrix(inputs, outputs))
      packed.unpack(into: back.values)
      packed.transposed.unpack(into: transposed.values)
      expectClose(back.array, w.wide.array, .exact)
      expectClose(transposed.array, Matrix(inputs, outputs) { w.wide[$1, $0] }.array, .exact)
      #expect(back.gapsAreUntouched && transposed.gapsAreUntouched)
    }
  }

  @Test(arguments: halves)
  func packedHalvesTakeHalfTheMemory(_ type: WeightType) {
    let wide = Panels.count(outputs: 97, inputs: 48, width: 32)
    #expect(Panels.count(outputs: 97, inputs: 48, width: 32, type: type) * 2 == wide)
  }
}
