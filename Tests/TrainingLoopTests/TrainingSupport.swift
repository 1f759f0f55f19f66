import Foundation
import Glibc
import Tensors

@testable import Training

/// One thread: kernels of this size gain nothing from more.
let compute = Compute(threads: 1)

/// A folder that lasts as long as the value.
final class TemporaryFolder {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "training-\(UUID().uuidString)"
    mkdir(path, 0o755)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func path(_ name: String) -> String { "\(path)/\(name)" }

  func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }
}

/// The bits of all parameters.
func bits(_ objective: any TrainingObjective) -> [[UInt32]] {
  objective.parameters.map { $0.value.array.map(\.bitPattern) }
}

/// Values that are exact in float32 and of no pattern that a mistake would keep.
func exampleValues(_ count: Int) -> [Float] { (0..<count).map { Float(($0 * 3) % 8 - 3) / 8 } }

/// Gradients that are exact in float32, of a step.
func exampleGradient(_ count: Int, step: Int) -> [Float] {
  (0..<count).map { Float(($0 * 7 + step * 5) % 11 - 5) / 16 }
}

/// Expects each value to be as near as float32 arithmetic allows.
func isNear(_ ours: [Float], _ expected: [Double]) -> Bool {
  ours.count == expected.count && zip(ours, expected).allSatisfy { abs(Double($0) - $1) <= 1e-6 + 1e-5 * abs($1) }
}

/// A regression by two layers with dropout between them, on data drawn from a seed.
final class ToyRegression: TrainingObjective {
  let parameters: [TrainedParameter]
  let fingerprint: [String: String]
  private let inputs: [[Float]]
  private let targets: [Float]
  private let batchSize: Int
  private let dropout: Float
  /// Called with the indices before the loss of a batch; for what goes wrong.
  var beforeLoss: ([Int]) throws -> Void = { _ in }

  init(
    examples: Int = 20, batchSize: Int = 4, width: Int = 6, dropout: Float = 0.25, data: String = "toy",
    scale: Float = 1
  ) {
    var random = RandomNumbers(seed: 7)
    inputs = (0..<examples).map { _ in (0..<5).map { _ in scale * random.normal() } }
    targets = inputs.map { $0[0] - 2 * $0[1] * $0[2] }
    func matrix(_ rows: Int, _ columns: Int) -> Tensor {
      Tensor((0..<rows * columns).map { _ in 0.4 * random.normal() }, rows: rows, columns: columns)
    }
    parameters = [
      TrainedParameter(name: "up.weight", value: matrix(width, 5)),
      TrainedParameter(name: "up.bias", value: matrix(1, width)),
      TrainedParameter(name: "down.weight", value: matrix(1, width)),
      TrainedParameter(name: "down.bias", value: matrix(1, 1)),
    ]
    fingerprint = ["data": data]
    self.batchSize = batchSize
    self.dropout = dropout
  }

  func batches(epoch: Int) -> [[Int]] {
    var random = RandomNumbers(seed: UInt64(epoch))
    let order = inputs.indices.shuffled(using: &random)
    return stride(from: 0, to: order.count, by: batchSize).map {
      Array(order[$0..<min($0 + batchSize, order.count)])
    }
  }

  func loss(_ batch: [Int], epoch: Int, on pass: Pass) throws -> BatchLoss {
    try beforeLoss(batch)
    let x = Tensor(batch.flatMap { inputs[$0] }, rows: batch.count, columns: 5)
    let y = pass.linear(x, pass.layer(weight: parameters[0].value, bias: parameters[1].value))
    pass.activate(y, .tanh)
    pass.dropout(y, dropout)
    let z = pass.linear(y, pass.layer(weight: parameters[2].value, bias: parameters[3].value))
    let mean = pass.meanSquaredError(z, batch.map { targets[$0] })
    return BatchLoss(mean: mean, weight: Float(batch.count), tokens: 5 * batch.count)
  }

  func evaluate() throws -> EvaluationResult? {
    let all = try loss(Array(inputs.indices), epoch: 0, on: Pass(compute))
    let loss = Double(all.mean.pointer.pointee)
    return EvaluationResult([.init("loss", loss), .init("fit", 1 / (1 + loss))], primary: "loss", isLoss: true)
  }
}

/// One parameter that loses 1 in each step of rate 1, and evaluations by a script.
final class Scripted: TrainingObjective {
  let parameters = [TrainedParameter(name: "w", value: Tensor([10], rows: 1, columns: 1))]
  private var scores: [Double]
  private(set) var judged: [Float] = []
  private let isLoss: Bool
  var weight: Float = 1

  init(_ scores: [Double], isLoss: Bool = false) {
    self.scores = scores
    self.isLoss = isLoss
  }

  func batches(epoch: Int) -> [[Int]] { [[0], [1]] }

  func loss(_ batch: [Int], epoch: Int, on pass: Pass) -> BatchLoss {
    BatchLoss(mean: pass.scaled(parameters[0].value, by: 1), weight: weight, tokens: 1)
  }

  func evaluate() -> EvaluationResult? {
    if scores.isEmpty { return nil }
    judged.append(parameters[0].value.pointer.pointee)
    return EvaluationResult([.init("score", scores.removeFirst())], primary: "score", isLoss: isLoss)
  }

  static func settings(_ length: TrainingSettings.Length) -> TrainingSettings {
    TrainingSettings(
      length, optimizer: .sgd(MomentumSGD(momentum: 0)), learningRate: 1, curve: .constant, clipNorm: nil,
      evaluation: .steps(1))
  }
}
