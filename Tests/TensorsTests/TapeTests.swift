import Kernels
import TestSupport
import Testing

@testable import Tensors

private let compute = TinyModel.compute

private func random(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
  var random = RandomNumbers(seed: seed)
  return Tensor((0..<rows * columns).map { _ in random.normal() }, rows: rows, columns: columns)
}

/// What is recorded, and what becomes of it.
@Suite struct TapeTests {
  @Test func `Frozen parts get no gradient, and what stands below the lowest parameter is not recorded`() {
    let (x, frozen, own) = (random(5, 4, seed: 1), random(6, 4, seed: 2), random(3, 6, seed: 3))
    let tape = Tape(compute)
    tape.watch(own)
    let pass = Pass(compute, tape: tape)
    let below = pass.linear(x, pass.layer(weight: frozen))
    pass.activate(below, .tanh)
    #expect(!tape.tracks(below))
    let y = pass.linear(below, pass.layer(weight: own))
    #expect(tape.tracks(y))
    tape.backward(from: Projection().loss(y, on: pass))
    #expect(tape.gradient(of: own) != nil)
    #expect(tape.gradient(of: frozen) == nil && tape.gradient(of: x) == nil && tape.gradient(of: below) == nil)
  }

  @Test func `A parameter that the loss does not depend on has no gradient`() {
    let (a, b) = (random(2, 3, seed: 1), random(2, 3, seed: 2))
    let tape = Tape(compute)
    tape.watch(a)
    tape.watch(b)
    let pass = Pass(compute, tape: tape)
    _ = pass.scaled(b, by: 2)
    tape.backward(from: Projection().loss(pass.scaled(a, by: 2), on: pass))
    #expect(tape.gradient(of: a) != nil)
    #expect(tape.gradient(of: b) == nil)
  }

  /// d(Σ 3 x) = 3, times the factor.
  @Test func `The factor of a backward pass multiplies gradients`() {
    let x = random(2, 3, seed: 1)
    func gradient(_ factor: Float) -> [Float]? {
      let tape = Tape(compute)
      tape.watch(x)
      let pass = Pass(compute, tape: tape)
      let loss = pass.product(pass.product(ones(1, 2), pass.scaled(x, by: 3)), ones(3, 1))
      tape.backward(from: loss, factor: factor)
      return tape.gradient(of: x)?.array
    }
    #expect(gradient(1) == Array(repeating: 3, count: 6))
    #expect(gradient(0.5) == Array(repeating: 1.5, count: 6))
  }

  private func ones(_ rows: Int, _ columns: Int) -> Tensor {
    Tensor(Array(repeating: 1, count: rows * columns), rows: rows, columns: columns)
  }

  @Test func `A tape that is gone leaves its parameters to the next one`() {
    let x = random(2, 3, seed: 1)
    func gradient() -> [Float]? {
      let tape = Tape(compute)
      #expect(!tape.tracks(x))
      tape.watch(x)
      let pass = Pass(compute, tape: tape)
      tape.backward(from: Projection().loss(pass.scaled(x, by: 3), on: pass))
      return tape.gradient(of: x)?.array
    }
    let first = gradient()
    #expect(first != nil)
    #expect(gradient() == first)
    #expect(x.storage.node == nil)
  }

  /// The pool lends the same memory again: what it held must not come back as a gradient.
  @Test func `Gradients do not depend on what memory held before`() {
    let x = random(9, 5, seed: 1)
    let own = Compute(threads: 1)
    func gradient() -> [Float]? {
      let tape = Tape(own)
      tape.watch(x)
      let pass = Pass(own, tape: tape)
      let y = pass.scaled(x, by: 2)
      // The first that is added to y's gradient is that of its first columns, the others get nothing.
      tape.backward(from: Projection().loss(pass.scaled(y.columns(0..<2), by: 3), on: pass))
      return tape.gradient(of: x)?.array
    }
    let clean = gradient()
    do {
      let spoilt = (0..<40).map { _ in own.tensor(rows: 9, columns: 16) }
      for tensor in spoilt { tensor.write(Array(repeating: .nan, count: 9 * 16)) }
    }
    let again = gradient()
    #expect(again == clean)
    #expect(again?.enumerated().allSatisfy { $0 % 5 < 2 ? $1 != 0 : $1 == 0 } == true)
  }

  @Test func `A value that is changed after an op that needs it is caught`() async {
    // Negative control: changed in place where nobody needs it, it is an ordinary pass.
    await #expect(processExitsWith: .success) { changeInPlace(.scale) }
    await #expect(processExitsWith: .failure) { changeInPlace(.product) }
    await #expect(processExitsWith: .failure) { changeInPlace(.softmax) }
    await #expect(processExitsWith: .failure) { changeInPlace(.factors) }
    await #expect(processExitsWith: .failure) { changeInPlace(.weight) }
    await #expect(processExitsWith: .failure) { changeInPlace(.recomputed) }
  }
}

private enum Needing { case scale, product, softmax, factors, weight, recomputed }

/// An op, a change of what its backward step needs, and the backward pass.
private func changeInPlace(_ needing: Needing) {
  let (x, w, row) = (random(4, 4, seed: 1), random(4, 4, seed: 2), random(1, 4, seed: 3))
  let tape = Tape(compute)
  tape.watch(x)
  tape.watch(w)
  tape.watch(row)
  let pass = Pass(compute, tape: tape)
  let (input, weight, factors) = (pass.scaled(x, by: 2), pass.scaled(w, by: 2), pass.scaled(row, by: 2))
  var y = pass.copy(input)
  switch needing {
  case .scale: y = pass.scaled(input, by: 3)
  case .product: y = pass.product(input, weight)
  case .softmax:
    pass.softmax(input)
    y = pass.copy(input)
  case .factors: pass.scaleColumns(y, by: factors)
  case .weight: y = pass.linear(x, pass.layer(weight: weight))
  case .recomputed:
    y = Pass(compute, tape: tape, recomputes: true).recomputed(input) { x, pass in pass.scaled(x, by: 2) }
  }
  for changed in [input, weight, factors] { pass.scale(changed, by: 2) }
  tape.backward(from: Projection().loss(y, on: pass))
}

/// What dropout drops.
@Suite struct DropoutTests {
  private static let probability: Float = 0.3

  private func dropped(_ x: Tensor, seed: UInt64 = 1, step: Int = 0, tape: Tape? = nil) -> Tensor {
    let pass = Pass(compute, tape: tape, dropout: DropoutSeed(seed: seed, step: step))
    let y = pass.copy(x)
    pass.dropout(y, Self.probability)
    return y
  }

  private let ones = Tensor(Array(repeating: 1, count: 200 * 301), rows: 200, columns: 301)

  @Test func `In evaluation nothing is dropped`() {
    let pass = Pass(compute)
    let y = pass.copy(ones)
    pass.dropout(y, Self.probability)
    #expect(y.array == ones.array)
    #expect(dropped(ones).array != ones.array)
  }

  @Test func `With a probability of zero nothing is dropped`() {
    let pass = Pass(compute, dropout: DropoutSeed(seed: 1, step: 0))
    let y = pass.copy(ones)
    pass.dropout(y, 0)
    #expect(y.array == ones.array)
  }

  /// Of n values a share p is 0, give or take √(p (1 - p) / n); the others are 1 / (1 - p).
  @Test func `The given share is dropped and the mean is kept`() {
    let values = dropped(ones).array
    let count = Double(values.count)
    let share = Double(values.filter { $0 == 0 }.count) / count
    let deviation = (0.3 * 0.7 / count).squareRoot()
    #expect(abs(share - 0.3) < 5 * deviation)
    #expect(Set(values) == [0, 1 / (1 - Self.probability)])
    let mean = values.reduce(0.0) { $0 + Double($1) } / count
    #expect(abs(mean - 1) < 5 * deviation / 0.7)
  }

  @Test func `Rows and columns are dropped alike, and neighbours do not follow each other`() {
    let y = dropped(ones)
    let deviation = (0.3 * 0.7).squareRoot()
    for row in 0..<y.rows {
      let share = Double(y.rows(row..<row + 1).array.filter { $0 == 0 }.count) / 301
      #expect(abs(share - 0.3) < 5 * deviation / 301.0.squareRoot())
    }
    for column in 0..<y.columns {
      let share = Double(y.columns(column..<column + 1).array.filter { $0 == 0 }.count) / 200
      #expect(abs(share - 0.3) < 5 * deviation / 200.0.squareRoot())
    }
    let values = y.array
    let pairs = Double(zip(values, values.dropFirst()).filter { $0 == 0 && $1 == 0 }.count) / Double(values.count - 1)
    let allowed: Double = 10 * (0.09 * 0.91 / Double(values.count)).squareRoot()
    #expect(abs(pairs - 0.09) < allowed)
  }

  @Test func `The same elements are dropped in both directions`() {
    let tape = Tape(compute)
    tape.watch(ones)
    let y = dropped(ones, tape: tape)
    let pass = Pass(compute, tape: tape)
    let loss = pass.product(
      pass.product(Tensor(Array(repeating: 1, count: 200), rows: 1, columns: 200), y),
      Tensor(Array(repeating: 1, count: 301), rows: 301, columns: 1))
    tape.backward(from: loss)
    #expect(tape.gradient(of: ones)?.array == y.array)
  }

  @Test func `Seed, step and place decide what is dropped`() {
    let first = dropped(ones).array
    #expect(dropped(ones).array == first)
    #expect(dropped(ones, seed: 2).array != first)
    #expect(dropped(ones, step: 1).array != first)
    let pass = Pass(compute, dropout: DropoutSeed(seed: 1, step: 0))
    let (y, z) = (pass.copy(ones), pass.copy(ones))
    pass.dropout(y, Self.probability)
    pass.dropout(z, Self.probability)
    #expect(y.array == first)
    #expect(z.array != first)
  }

  @Test func `What is dropped depends neither on threads nor on kernels`() {
    let first = dropped(ones).array
    let kernels = VectorKernels.InstructionSet.allCases.compactMap { VectorKernels($0) }
    for own in [1, 2, 3].map({ Compute(threads: $0) }) + kernels.map({ Compute(kernels: $0) }) {
      let pass = Pass(own, dropout: DropoutSeed(seed: 1, step: 0))
      let y = pass.copy(ones)
      pass.dropout(y, Self.probability)
      #expect(y.array == first)
    }
  }
}

/// Computing again in the backward pass is the same as keeping.
@Suite struct RecomputationTests {
  /// Three blocks with dropout; the tensors of the parameters.
  private func gradients(recomputing: Bool, dropout: DropoutSeed?, threads: Int = 2) -> (loss: [Float], [[Float]]) {
    let weights = (0..<3).map { random(24, 24, seed: UInt64($0)) }
    let gain = random(1, 24, seed: 5)
    let x = random(19, 24, seed: 9)
    let own = Compute(threads: threads)
    let tape = Tape(own)
    let parameters = weights + [gain, x]
    for parameter in parameters { tape.watch(parameter) }
    let pass = Pass(own, tape: tape, dropout: dropout, recomputes: recomputing)
    let y = weights.reduce(x) { x, weight in
      pass.recomputed(x) { x, pass in
        let y = pass.linearGELU(x, pass.layer(weight: weight))
        pass.dropout(y, 0.3)
        return pass.norm(y, plus: x, LayerNorm(gain: gain, bias: gain, eps: 1e-5))
      }
    }
    let last = pass.copy(y)
    pass.dropout(last, 0.3)
    let loss = Projection().loss(last, on: pass)
    tape.backward(from: loss)
    return (loss.array, parameters.map { tape.gradient(of: $0)?.array ?? [] })
  }

  @Test(arguments: [nil, DropoutSeed(seed: 4, step: 7)])
  func `Recomputed gradients have the very bits of kept ones`(_ dropout: DropoutSeed?) {
    let kept = gradients(recomputing: false, dropout: dropout)
    let other = gradients(recomputing: false, dropout: DropoutSeed(seed: 5, step: 7))
    #expect(other.1 != kept.1)
    let again = gradients(recomputing: true, dropout: dropout)
    expectClose(again.loss, kept.loss, .exact)
    #expect(kept.1.allSatisfy { !$0.isEmpty })
    for (ours, theirs) in zip(again.1, kept.1) { expectClose(ours, theirs, .exact) }
  }
}
