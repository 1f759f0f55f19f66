import Tensors
import Testing

@testable import Training

@Suite struct GradientTests {
  @Test func `The norm is over all values of all parameters`() {
    // √(3² + 4² + 12²) = 13; a parameter without a gradient adds nothing.
    let gradients = Gradients([Tensor([3, 0, -4], rows: 1, columns: 3), nil, Tensor([0, 12], rows: 2, columns: 1)])
    #expect(gradients.norm(on: compute) == 13)
    #expect(Gradients(gradients.tensors, factor: 0.5).norm(on: compute) == 6.5)
    let long = Tensor([Float](repeating: 1, count: 19), rows: 1, columns: 19)
    #expect(Gradients([long]).norm(on: compute) == 19.0.squareRoot())
  }

  @Test func `Clipping makes long gradients as long as the limit, and leaves others alone`() {
    let gradients = Gradients([Tensor([3, -4], rows: 1, columns: 2)])
    let clipped = gradients.clipped(to: 1, norm: 5)
    #expect(isNear([Float(clipped.norm(on: compute))], [1]))
    #expect(isNear([clipped.factor], [1 / (5 + 1e-6)]))
    #expect(gradients.clipped(to: 6, norm: 5).factor == 1)
    #expect(clipped.tensors[0]?.array == [3, -4])
  }

  @Test func `Values that are not finite make the norm not finite`() {
    for value in [Float.nan, .infinity, -.infinity] {
      #expect(!Gradients([Tensor([1, value], rows: 1, columns: 2)]).norm(on: compute).isFinite)
    }
    let huge = Gradients([Tensor([3e38, 3e38], rows: 1, columns: 2)])
    #expect(huge.norm(on: compute).isFinite)
  }

  /// The mean over 8 examples is the mean of those over 5 and over 3, weighted 5 and 3.
  @Test func `Accumulated batches have the gradient of the batch that they are together`() throws {
    let toy = ToyRegression(dropout: 0)
    func gradients(_ batch: [Int]) throws -> ([Tensor?], Float) {
      let tape = Tape(compute)
      for parameter in toy.parameters { tape.watch(parameter.value) }
      let loss = try toy.loss(batch, epoch: 0, on: Pass(compute, tape: tape))
      tape.backward(from: loss.mean)
      return (toy.parameters.map { tape.gradient(of: $0.value) }, loss.weight)
    }
    func mean(_ batches: [[Int]]) throws -> [Float] {
      var sum = GradientAccumulator(count: toy.parameters.count)
      for batch in batches {
        let (tensors, weight) = try gradients(batch)
        sum.add(tensors, weight: weight, on: compute)
      }
      return sum.mean.tensors.flatMap { $0?.array ?? [] }.map { $0 * sum.mean.factor }
    }
    let whole = try mean([Array(0..<8)])
    #expect(whole.count == 43 && !whole.contains(0))
    #expect(isNear(try mean([Array(0..<5), Array(5..<8)]), whole.map { Double($0) }))
    #expect(isNear(try mean([Array(0..<2), Array(2..<3), Array(3..<8)]), whole.map { Double($0) }))
    // Negative control: without weights it would be another one.
    let parts = try (mean([Array(0..<5)]), mean([Array(5..<8)]))
    #expect(!isNear(zip(parts.0, parts.1).map { ($0 + $1) / 2 }, whole.map { Double($0) }))
  }

  @Test func `A parameter that one batch does not reach counts as zero there`() {
    var sum = GradientAccumulator(count: 3)
    let two = Tensor([2], rows: 1, columns: 1)
    sum.add([two, nil, nil], weight: 1, on: compute)
    sum.add([nil, two, nil], weight: 3, on: compute)
    sum.add([two, two, nil], weight: 4, on: compute)
    // (1·2 + 4·2) / 8 and (3·2 + 4·2) / 8.
    let mean = sum.mean
    #expect(mean.tensors.map { $0.map { $0.array[0] * mean.factor } } == [1.25, 1.75, nil])
    #expect(two.array == [2])
  }

  @Test func `The gradient of one batch alone keeps its bits`() {
    let gradient = Tensor(exampleGradient(9, step: 1).map { $0 / 3 }, rows: 3, columns: 3)
    var sum = GradientAccumulator(count: 1)
    sum.add([gradient], weight: 7, on: compute)
    #expect(sum.mean.factor == 1)
    #expect(sum.mean.tensors[0]?.array == gradient.array)
  }

  /// Accumulation over two batches of four is a run over batches of eight.
  @Test func `A run that accumulates is the run with larger batches`() throws {
    func trained(batchSize: Int, accumulation: Int) throws -> [Float] {
      let toy = ToyRegression(batchSize: batchSize, dropout: 0)
      var settings = TrainingSettings(.epochs(2), learningRate: 0.05)
      settings.accumulation = accumulation
      settings.keepsBest = false
      let summary = try Trainer(toy, settings: settings, compute: compute).run()
      // 20 examples: batches of 8, 8 and 4, or of 4, five of them, two a step.
      #expect(summary.steps == 6)
      return toy.parameters.flatMap(\.value.array)
    }
    let whole = try trained(batchSize: 8, accumulation: 1)
    #expect(isNear(try trained(batchSize: 4, accumulation: 2), whole.map { Double($0) }))
    #expect(whole != ToyRegression().parameters.flatMap(\.value.array))
  }
}
