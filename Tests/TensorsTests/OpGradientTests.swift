import Kernels
import Tensors
import TestSupport
import Testing

/// What every op's backward step must be, whatever the op.
@Suite struct OpGradientTests {
  /// One value; less than a vector; ragged; blocks of rows and columns and a rest.
  static let shapes = [(1, 1), (3, 5), (17, 33), (131, 67)]
  static let examples = shapes.flatMap { OpExample.all($0.0, $0.1) }
  static let small = OpExample.all(9, 19)

  /// Central differences are measured with float32 values of a result; of 131 × 67 some 1e-5 of their length are noise.
  private func expectGradients(_ example: OpExample, _ inputs: [Tensor], _ gradients: [Tensor?], _ tracked: Set<Int>) {
    for index in inputs.indices {
      guard tracked.contains(index) else {
        #expect(gradients[index] == nil, "\(example.name) input \(index)")
        continue
      }
      expectGradient(gradients[index], of: inputs[index], length: 0.05, "\(example.name) input \(index)") {
        Projection().value(example(inputs))
      }
    }
  }

  /// Negative control: another input's gradient, and the gradient with one value more, are seen to be wrong.
  @Test func `Differences tell a wrong gradient from the right one`() throws {
    let example = try #require(Self.small.first { $0.name == "norm of a sum" })
    let inputs = example.tensors(.whole, seed: 1)
    let gradients = example.gradients(inputs, tracking: [0, 2])
    let right = try #require(gradients[0])
    func ratio(_ gradient: Tensor?) -> Double {
      let found = DirectionalDerivative(gradient, of: inputs[0], length: 0.05, seed: 7) {
        Projection().value(example(inputs))
      }
      return Comparison([found.analytic], [found.differences], .gradient, sizes: [found.size]).ratio
    }
    #expect(ratio(right) <= 1)
    #expect(ratio(nil) > 100)
    let wrong = Tensor(right.array, rows: right.rows, columns: right.columns)
    for column in 0..<19 { wrong[4, column] += 0.1 }
    #expect(ratio(wrong) > 5)
  }

  @Test(arguments: examples)
  func `Gradients are what differences say, in every layout`(_ example: OpExample) {
    for layout in OpExample.Layout.allCases {
      let inputs = example.tensors(layout, seed: 1)
      let all = Set(inputs.indices)
      expectGradients(example, inputs, example.gradients(inputs, tracking: all), all)
    }
  }

  @Test(arguments: small)
  func `Gradients of some inputs are those of all, and the others get none`(_ example: OpExample) throws {
    let inputs = example.tensors(.whole, seed: 1)
    for subset in 0..<1 << inputs.count {
      let tracked = Set(inputs.indices.filter { subset >> $0 & 1 == 1 })
      expectGradients(example, inputs, example.gradients(inputs, tracking: tracked), tracked)
    }
  }

  @Test(arguments: small)
  func `Without a watched parameter nothing is recorded, and with one the result has the same values`(
    _ example: OpExample
  ) {
    let inputs = example.tensors(.whole, seed: 1)
    let plain = example(inputs).array
    let tape = Tape(TinyModel.compute)
    let y = example(inputs, tape: tape)
    #expect(!tape.tracks(y))
    expectClose(y.array, plain, .exact)
    tape.watch(inputs[0])
    let tracked = example(inputs, tape: tape)
    #expect(tape.tracks(tracked))
    expectClose(tracked.array, plain, .op)
  }

  @Test(arguments: OpExample.all(131, 67))
  func `Gradients have the same bits with one, two and three threads`(_ example: OpExample) throws {
    let inputs = example.tensors(.whole, seed: 1)
    let all = Set(inputs.indices)
    let gradients = [1, 2, 3].map { threads in
      example.gradients(inputs, tracking: all, Compute(threads: threads)).map { $0?.array ?? [] }
    }
    for index in inputs.indices {
      expectClose(gradients[1][index], gradients[0][index], .exact)
      expectClose(gradients[2][index], gradients[0][index], .exact)
    }
  }

  @Test func `Computing again gives the bits of keeping, for any inputs that are tracked`() throws {
    let example = try #require(Self.small.first { $0.name == "recomputed" })
    let inputs = example.tensors(.whole, seed: 1)
    for tracked: Set<Int> in [[0], [1], [0, 1]] {
      let kept = example.gradients(inputs, tracking: tracked)
      let again = example.gradients(inputs, tracking: tracked, recomputing: true)
      for index in inputs.indices {
        #expect((kept[index] != nil) == tracked.contains(index))
        expectClose(again[index]?.array ?? [], kept[index]?.array ?? [], .exact)
      }
    }
  }

  @Test(arguments: small)
  func `Every instruction set gives the gradients of differences`(_ example: OpExample) throws {
    for set in VectorKernels.InstructionSet.allCases {
      guard let kernels = VectorKernels(set) else { continue }
      let inputs = example.tensors(.whole, seed: 1)
      let all = Set(inputs.indices)
      expectGradients(example, inputs, example.gradients(inputs, tracking: all, Compute(kernels: kernels)), all)
    }
  }
}
