import AdapterHost
import AdapterMethods
import Deberta
import Heads
import Model
import Tensors
import TestSupport
import Testing

@testable import Training

/// A model in training, a batch, and what the gradients of its parameters are measured by.
struct TrainingSubject {
  let model: TrainableModel
  let batch: Batch
  /// Heads and targets; nil: a projection of all hidden states.
  var task: (heads: [String], targets: [Target], options: CrossEntropyOptions)?

  /// Ragged, one of a single token, one longer than the tiny models have distances of their own.
  static let ids = TinyModel.ids([7, 1, 21, 5], seed: 3)

  init(_ model: TrainableModel, _ batch: Batch = Batch(ids)) {
    self.model = model
    self.batch = batch
  }

  /// Adapters with random values and a setup of them, all of which are trained.
  init(
    _ presets: [String: String], setup: String, base: String = "v3", part: TrainedPart = .adapters,
    fusion: String? = nil
  ) throws {
    let shape = try TinyModel.shape(base)
    var adapters: [String: Adapter] = [:]
    for (index, name) in presets.keys.sorted().enumerated() {
      adapters[name] = try presets[name].map {
        try Adapter.random($0, for: shape, seed: UInt64(11 + index), catalog: MethodExample.catalog)
      }
    }
    try self.init(adapters: adapters, setup: setup, base: base, part: part, fusion: fusion)
  }

  /// Some adapters and a setup of them, all of which are trained.
  init(
    adapters: [String: Adapter], setup: String, base: String = "v3", part: TrainedPart = .adapters,
    fusion: String? = nil
  ) throws {
    var loading = try TinyModel.load(base, catalog: MethodExample.catalog)
    for (name, adapter) in adapters { try loading.add(adapter, named: name) }
    if let fusion { try loading.loadAdapterFusion(fusion) }
    self.init(
      try loading.trainable(Composition(setup), heads: [], part: part, folder: Fixtures.base(base)))
  }

  /// What one pass found.
  struct Step {
    let loss: [Float]
    let gradients: [Tensor?]
  }

  /// The loss, and the gradient of each parameter.
  func step(
    dropout: DropoutSeed? = nil, recomputing: Bool = false, skippingLayersBelow skipped: Int = 0
  ) throws -> Step {
    let tape = Tape(model.compute)
    for parameter in model.parameters { tape.watch(parameter.value) }
    let pass = Pass(model.compute, tape: tape, dropout: dropout, recomputes: recomputing)
    let loss = try loss(of: output(on: pass, skippingLayersBelow: skipped), on: pass)
    tape.backward(from: loss)
    return Step(loss: loss.array, gradients: model.parameters.map { tape.gradient(of: $0.value) })
  }

  /// The loss of the parameters as they are; of a projection in float64.
  func loss(skippingLayersBelow skipped: Int = 0) throws -> Double {
    let pass = Pass(model.compute)
    let output = try output(on: pass, skippingLayersBelow: skipped)
    guard task != nil else { return Projection().value(output.packedStates) }
    return Double(try loss(of: output, on: pass).array[0])
  }

  private func output(on pass: Pass, skippingLayersBelow skipped: Int = 0) throws -> ModelOutput {
    try model.bound(on: pass, skippingLayersBelow: skipped)(
      batch, .composition(model.setup), heads: task?.heads ?? [], answering: AnsweredTokens(task?.targets ?? []),
      states: task == nil ? .all : .first, on: pass)
  }

  private func loss(of output: ModelOutput, on pass: Pass) throws -> Tensor {
    guard let task else { return Projection().loss(output.packedStates, on: pass) }
    return try output.loss(task.targets, task.options, on: pass).loss
  }

  /// The size of the terms of the loss: of a projection their length, of a mean of logarithms one.
  private func lossSize() throws -> Double {
    let pass = Pass(model.compute)
    return task == nil ? Projection().size(try output(on: pass).packedStates) : 1
  }

  /// Expects every parameter's gradient to be what differences say, and some to be there.
  ///
  /// - Parameter length: how far a parameter is moved at most.
  func expectGradients(
    _ level: Tolerance = .gradient, length: Double = 0.05, skippingLayersBelow skipped: Int = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let gradients = try step(skippingLayersBelow: skipped).gradients
    let size = try lossSize()
    #expect(gradients.contains { $0 != nil }, sourceLocation: sourceLocation)
    for (parameter, gradient) in zip(model.parameters, gradients) {
      try expectGradient(
        gradient, of: parameter.value, length: length, parameter.name, level: level, size: size,
        sourceLocation: sourceLocation
      ) { try loss(skippingLayersBelow: skipped) }
    }
  }
}
