import Glibc
import Tensors
import TestSupport
import Testing

/// Losses beside numbers that can be computed by hand, and beside those of PyTorch 2.
@Suite struct LossTests {
  private let pass = Pass(TinyModel.compute)
  /// Row 1 does not count.
  private let logits = Tensor([1, 2, 3, 0, 0.5, -1, 2, -1, 0.25], rows: 3, columns: 3)
  private let targets: [Int32] = [2, Pass.ignoredTarget, 0]

  /// - log p of each class of rows 0 and 2, by the definition.
  private var costs: [[Double]] {
    [[1.0, 2, 3], [2, -1, 0.25]].map { row in
      let sum = row.reduce(0) { $0 + exp($1) }
      return row.map { log(sum) - $0 }
    }
  }

  /// (c₀[2] + c₂[0]) / 2 = 0.3046857...
  @Test func `Cross entropy is the mean of the targets' costs over the rows that count`() {
    let expected = (costs[0][2] + costs[1][0]) / 2
    expectClose([expected], [0.30468571686440665], .op)
    let loss = pass.crossEntropy(logits, targets)
    expectClose(loss.array, [expected], .loss)
    // Negative control: with row 1 it would be another one.
    expectFarOff(pass.crossEntropy(logits, [2, 1, 0]).array, [expected], by: .loss)
  }

  /// Smoothing s: (1 - s) c(t) + s · mean of all c, here s = 1/4. torch: 0.6276023835310733
  @Test func `Label smoothing gives every class a share of the target`() {
    let smoothed = zip(costs, [2, 0]).map { costs, target -> Double in
      0.75 * costs[target] + 0.25 * costs.reduce(0, +) / 3
    }
    let expected = smoothed.reduce(0, +) / 2
    expectClose([expected], [0.6276023835310733], .op)
    expectClose(pass.crossEntropy(logits, targets, .init(labelSmoothing: 0.25)).array, [expected], .loss)
  }

  /// Weights w: Σ w(t) c(t) / Σ w(t), with w = (1, 2, 1/2): (0.5 c₀[2] + 1 c₂[0]) / 1.5. torch: 0.2703789676710821
  @Test func `Class weights weigh the rows and divide by their sum`() {
    let expected = (0.5 * costs[0][2] + costs[1][0]) / 1.5
    expectClose([expected], [0.2703789676710821], .op)
    expectClose(pass.crossEntropy(logits, targets, .init(classWeights: [1, 2, 0.5])).array, [expected], .loss)
  }

  /// Both: ((1 - s) w(t) c(t) + s / K Σₖ w(k) c(k)), summed, over Σ w(t). torch: 0.925439782311692
  @Test func `Smoothing and weights together are those of PyTorch`() {
    let weights = [1.0, 2, 0.5]
    let terms = zip(costs, [2, 0]).map { costs, target -> Double in
      let spread: Double = zip(weights, costs).reduce(0.0) { $0 + $1.0 * $1.1 }
      return 0.75 * weights[target] * costs[target] + 0.25 / 3 * spread
    }
    let expected = terms.reduce(0, +) / 1.5
    expectClose([expected], [0.925439782311692], .op)
    let loss = pass.crossEntropy(logits, targets, .init(labelSmoothing: 0.25, classWeights: weights))
    expectClose(loss.array, [expected], .loss)
  }

  @Test(arguments: [
    (
      CrossEntropyOptions(),
      [
        0.04501528658519022, 0.12236423552739882, -0.1673795221125891, 0, 0, 0,
        -0.09135670786292849, 0.020345151523697372, 0.0710115563392312,
      ]
    ),
    (
      CrossEntropyOptions(labelSmoothing: 0.25, classWeights: [1, 2, 0.5]),
      [
        -0.015541967479830917, -0.00234290175342327, 0.017884869233254098, 0, 0, 0, 0.012004572412599368,
        -0.08285395621708698,
        0.0708493838044878,
      ]
    ),
  ])
  func `Gradients of cross entropy are those of PyTorch`(_ options: CrossEntropyOptions, _ expected: [Double]) {
    let tape = Tape(TinyModel.compute)
    tape.watch(logits)
    tape.backward(from: Pass(TinyModel.compute, tape: tape).crossEntropy(logits, targets, options))
    expectClose(tape.gradient(of: logits)?.array ?? [], expected, .op)
  }

  @Test func `Where nothing counts the loss is zero and has no gradient`() {
    let tape = Tape(TinyModel.compute)
    tape.watch(logits)
    let pass = Pass(TinyModel.compute, tape: tape)
    let none = pass.crossEntropy(logits, Array(repeating: Pass.ignoredTarget, count: 3))
    #expect(none.array == [0])
    let empty = pass.crossEntropy(logits.columns(0..<1), over: [0..<3], [nil])
    #expect(empty.array == [0])
    tape.backward(from: none)
    tape.backward(from: empty)
    #expect(tape.gradient(of: logits).map { $0.array.allSatisfy { $0 == 0 } } ?? true)
  }

  /// log(1 + e^-x) where the flag is set, log(1 + e^x) where not: at 0 both are log 2.
  @Test func `Binary cross entropy is the mean over all labels`() {
    let x = Tensor([0, 0, 3, -3], rows: 2, columns: 2)
    let near = log(1 + exp(-3.0))
    expectClose(
      pass.binaryCrossEntropy(x, [[true, false], [true, false]]).array, [(2 * log(2.0) + 2 * near) / 4], .loss)
    let wrong = pass.binaryCrossEntropy(x, [[true, false], [false, true]])
    expectClose(wrong.array, [(2 * log(2.0) + 2 * (near + 3)) / 4], .loss)
  }

  /// At 0 every target costs log 2; at x a target t costs log(1 + e^x) - t x, which is least where t is the sigmoid of x.
  @Test func `Binary cross entropy takes probabilities`() {
    let x = Tensor([0, 2], rows: 2, columns: 1)
    let expected = (log(2.0) + log(1 + exp(2.0)) - 0.25 * 2) / 2
    expectClose(pass.binaryCrossEntropy(x, probabilities: [[0.3], [0.25]]).array, [expected], .loss)
    let tape = Tape(TinyModel.compute)
    tape.watch(x)
    let best: Float = 0.88079708
    tape.backward(from: Pass(TinyModel.compute, tape: tape).binaryCrossEntropy(x, probabilities: [[0.5], [best]]))
    expectClose(tape.gradient(of: x)?.array ?? [], [0, 0], .op)
  }

  /// The same with 3 times the weight for the positives of the first label.
  @Test func `Weights of binary cross entropy are those of positives`() {
    let x = Tensor([0, 0, 3, -3], rows: 2, columns: 2)
    let near = log(1 + exp(-3.0))
    let weighted = pass.binaryCrossEntropy(x, [[true, false], [true, false]], positiveWeights: [3, 7])
    expectClose(weighted.array, [(3 * log(2.0) + log(2.0) + 3 * near + near) / 4], .loss)
  }

  /// ((1 - 3)² + (2 - 0)² + 0²) / 3 = 8 / 3
  @Test func `The mean squared error is the mean of squares`() {
    let loss = pass.meanSquaredError(Tensor([1, 2, 5], rows: 3, columns: 1), [3, 0, 5])
    expectClose(loss.array, [8.0 / 3], .loss)
  }

  /// Runs (1, 2), (), (3, 0, 0): - log of the targets' shares, log(1 + e) and log(1 + 2 e⁻³); the empty run does not count.
  @Test func `Cross entropy over runs chooses among the rows of each`() {
    let scores = Tensor([1, 2, 3, 0, 0], rows: 5, columns: 1)
    let expected = (log(1 + exp(1.0)) + log(1 + 2 * exp(-3.0))) / 2
    let runs = [0..<2, 2..<2, 2..<5]
    expectClose(pass.crossEntropy(scores, over: runs, [0, nil, 0]).array, [expected], .loss)
    expectClose(pass.crossEntropy(scores, over: runs, [0, nil, nil]).array, [log(1 + exp(1.0))], .loss)
    expectFarOff(pass.crossEntropy(scores, over: runs, [1, nil, 0]).array, [expected], by: .loss)
  }

  /// 0.5 · 2 - 3 · 1 + 4
  @Test func `A weighted sum is the sum of weights times losses`() {
    func scalar(_ value: Float) -> Tensor { Tensor([value], rows: 1, columns: 1) }
    #expect(pass.weightedSum([(scalar(2), 0.5), (scalar(1), -3), (scalar(4), 1)]).array == [2])
    #expect(pass.weightedSum([]).array == [0])
  }

  /// exp(1000) is no number of float64; the losses take the largest logit out.
  @Test func `Losses of the largest logits are finite`() {
    let large = Tensor([1e4, -1e4, 0, -3e38, 3e38, 0], rows: 2, columns: 3)
    let tape = Tape(TinyModel.compute)
    tape.watch(large)
    let pass = Pass(TinyModel.compute, tape: tape)
    let loss = pass.crossEntropy(large, [0, 1])
    #expect(loss.array == [0])
    expectClose(pass.crossEntropy(large.rows(0..<1), [1]).array, [2e4], .loss)
    expectClose(pass.binaryCrossEntropy(large.rows(0..<1), [[true, false, true]]).array, [log(2.0) / 3], .loss)
    tape.backward(from: pass.crossEntropy(large, [1, 1]))
    expectClose(tape.gradient(of: large)?.array ?? [], [0.5, -0.5, 0, 0, 0, 0], .op)
  }
}
