import Tensors
import TestSupport
import Testing

@testable import Training

/// Runs of the reference, recorded in float64: gradients of the first step, ten losses, the weights after ten steps.
///
/// Two kinds of runs are others by design, because there the reference lets
/// padding into the result and this package does not: the softmax over the
/// tokens of an answer's start and end, and the attention to a prompt.
/// Central differences check their gradients (`GradientTests`).
@Suite struct TrainingParityTests {
  private static let padded: Set = ["head-qa", "prompt"]
  static let names = TrainingCase.names.filter { !padded.contains($0) }

  @Test func thereAreCases() { #expect(Self.names.count >= 20) }

  @Test(arguments: names)
  func theFirstGradientsAreThoseOfTheReference(_ name: String) throws {
    let run = try TrainingCase(name)
    #expect(run.model.parameters.count == run.gradients.count)
    let (_, gradients) = try run.step(0)
    for (parameter, gradient) in zip(run.model.parameters, gradients) {
      let expected = try #require(run.gradients[run.recordedName(parameter)], "\(parameter.name) is not recorded")
      let gradient = try #require(gradient, "\(parameter.name) has no gradient")
      expectClose(gradient.array, expected, .gradient, "\(name) \(parameter.name)")
    }
  }

  /// Negative control: the gradients of another batch are far off.
  @Test(arguments: ["seq_bn", "lora", "everything"])
  func theGradientsOfAnotherBatchAreOthers(_ name: String) throws {
    let run = try TrainingCase(name)
    let (_, gradients) = try run.step(1)
    let (parameter, gradient) = try #require(zip(run.model.parameters, gradients).first { $1 != nil })
    let expected = try #require(run.gradients[run.recordedName(parameter)])
    expectFarOff(try #require(gradient).array, expected, by: .gradient)
  }

  @Test(arguments: names)
  func tenStepsMakeTheLossesAndWeightsOfTheReference(_ name: String) throws {
    let run = try TrainingCase(name)
    let parameters = run.model.parameters.map {
      TrainedParameter(name: $0.name, value: $0.value, decays: true)
    }
    let optimizer = Optimizer(AdamW(weightDecay: run.decay), for: parameters)
    var losses: [Float] = []
    var first: [Tensor?] = []
    for index in run.batches.indices {
      let (loss, gradients) = try run.step(index)
      losses.append(loss)
      if index == 0 { first = gradients }
      optimizer.step(Gradients(gradients), rate: 1e-3, on: run.model.compute)
    }
    expectClose(losses, run.losses, .loss, name)
    guard let weights = try run.weights() else { return }
    for (parameter, gradient) in zip(run.model.parameters, first) {
      let expected = try #require(weights[run.savedName(parameter, in: weights)], "\(parameter.name) is not saved")
      // Where the gradient is zero in exact arithmetic, AdamW makes steps of rounding.
      let isRounding = gradient.map { $0.array.allSatisfy { abs($0) < 1e-7 } } ?? true
      if isRounding {
        for (ours, theirs) in zip(parameter.value.array, expected) { #expect(abs(ours - theirs) <= 2 * 10 * 1e-3) }
      } else {
        expectClose(parameter.value.array, expected, .trained, "\(name) \(parameter.name)")
      }
    }
  }
}
