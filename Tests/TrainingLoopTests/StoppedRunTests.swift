import Foundation
import Tensors
import Testing

@testable import Training

/// Runs that cannot go on, or cannot begin.
@Suite struct StoppedRunTests {
  private func refusal(
    _ objective: any TrainingObjective, _ settings: TrainingSettings, output: String? = nil,
    start: Trainer.Start = .new
  ) -> TrainingError? {
    do {
      _ = try Trainer(objective, settings: settings, output: output, compute: compute).run(start)
      return nil
    } catch {
      return error as? TrainingError
    }
  }

  @Test(arguments: [Float.nan, .infinity])
  func `A loss that is not finite stops the run before anything is changed`(_ value: Float) throws {
    let folder = TemporaryFolder()
    let undisturbed = ToyRegression()
    var settings = TrainingSettings(.steps(7), learningRate: 0.01, curve: .constant, keepsBest: false, saveInterval: 3)
    _ = try Trainer(undisturbed, settings: settings, compute: compute).run()

    let poisoned = ToyRegression()
    var batches = 0
    let poison = PoisonedLoss(poisoned, factor: value) {
      batches += 1
      return batches == 8
    }
    settings.length = .steps(20)
    let error = try #require(refusal(poison, settings, output: folder.path))
    guard case .lossNotFinite(_, let place, let advice) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(place.step == 8 && place.epoch == 1 && place.batch == 2 && place.examples.count == 4)
    #expect(advice.learningRate == 0.01 && advice.savedStep == 6)
    #expect(bits(poisoned) == bits(undisturbed))
    let text = error.description
    #expect(text.hasPrefix("Step 8 (epoch 2, batch 3, examples ["), "\(text)")
    #expect(text.contains(value.isNaN ? "the loss is not a number" : "the loss is infinite"))
    #expect(text.contains("learning rate of 0.01. Try a lower learning rate"))
    #expect(
      text.contains("The state of step 6 is kept in \(folder.path)/training-state.safetensors; resumed, it takes"))
    #expect(try folder.text("log.jsonl").split(separator: "\n").count { $0.contains("\"step\", ") } == 7)
  }

  /// Negative control: at the first step there is nothing to keep.
  @Test(arguments: [1, 4])
  func `Where nothing was saved yet, a loss that is not finite saves what was before it`(_ bad: Int) throws {
    let folder = TemporaryFolder()
    let objective = ToyRegression()
    var batches = 0
    let poison = PoisonedLoss(objective, factor: .nan) {
      batches += 1
      return batches == bad
    }
    let settings = TrainingSettings(.steps(20), learningRate: 0.01, saveInterval: 500)
    let error = try #require(refusal(poison, settings, output: folder.path))
    guard case .lossNotFinite(_, let place, let advice) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(place.step == bad && advice.savedStep == (bad == 1 ? nil : bad - 1))
    #expect(error.description.contains("Nothing of the step was kept.") == (bad == 1))
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(files.contains("training-state.safetensors") == (bad > 1))
    guard bad > 1 else { return }
    // It goes on from there with smaller steps, and says so.
    var (events, slower): ([String], TrainingSettings) = ([], settings)
    slower.learningRate = 0.001
    let sound = PoisonedLoss(ToyRegression(), factor: .nan) { false }
    let summary = try Trainer(sound, settings: slower, output: folder.path, compute: compute).run(.resumed) {
      switch $0 {
      case .resumed(let step): events.append("after \(step)")
      case .adjusted(let changes): events += changes.map(\.description)
      case .step, .evaluation, .saved: break
      }
      return .continue
    }
    #expect(events == ["after 3", "learning_rate was 0.01, is 0.001"])
    #expect(summary.steps == 20)
  }

  @Test func `A gradient that is not finite is traced to its parameter`() throws {
    let objective = PoisonedGradient()
    let error = try #require(refusal(objective, TrainingSettings(.steps(3))))
    guard case .gradientNotFinite(let parameter, let place, let advice) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(parameter == "second" && place.step == 1 && advice.savedStep == nil)
    #expect(error.description.contains("the gradient of 'second' is not, at a learning rate of 0.0001."))
    #expect(error.description.hasSuffix("Nothing of the step was kept."))
    #expect(objective.parameters.map { $0.value.array[0] } == [1, 1])
  }

  @Test func `What cannot be trained is refused with a sentence`() {
    let settings = TrainingSettings(.epochs(1))
    func text(_ objective: any TrainingObjective) -> String { refusal(objective, settings)?.description ?? "accepted" }
    #expect(text(Fixed(names: [])).hasPrefix("Nothing is to be trained"))
    #expect(text(Fixed(names: ["a", "a"])).hasPrefix("Two trained parameters are named 'a'"))
    #expect(text(Fixed(batches: [])).hasPrefix("Epoch 1 has no batches. Is the training data empty"))
    #expect(text(Fixed(batches: [[]])) == "Step 1 (epoch 1, batch 1, examples []): the batch has no examples.")
    #expect(text(Fixed()).contains("the loss depends on no trained parameter"))
    #expect(text(Fixed(weight: -1)).contains("the batch counts -1.0 times"))
    #expect(text(Fixed(weight: .nan)).contains("the batch counts nan times"))
    var impossible = settings
    impossible.learningRate = .nan
    #expect(
      refusal(Fixed(), impossible)?.description
        == "The settings: 'learning_rate' is nan; expected 0 to 1000, such as 0.0001.")
  }

  @Test func `A new run does not write over another one, and none is resumed where there is none`() throws {
    let folder = TemporaryFolder()
    let settings = TrainingSettings(.steps(2))
    #expect(
      refusal(ToyRegression(), settings, output: folder.path, start: .resumed)
        == .noState(path: "\(folder.path)/training-state.safetensors"))
    #expect(refusal(ToyRegression(), settings, output: folder.path) == nil)
    let log = try folder.text("log.jsonl")
    #expect(
      refusal(ToyRegression(), settings, output: folder.path)
        == .stateExists(path: "\(folder.path)/training-state.safetensors"))
    #expect(try folder.text("log.jsonl") == log)
  }

  @Test func `Another run is not resumed, and the message says what differs`() throws {
    let folder = TemporaryFolder()
    var settings = TrainingSettings(.steps(4), learningRate: 0.001, saveInterval: 1)
    #expect(refusal(ToyRegression(), settings, output: folder.path) == nil)
    settings.learningRate = 0.002
    settings.patience = 3
    let toy = ToyRegression(width: 8, data: "others")
    let before = bits(toy)
    let error = try #require(refusal(toy, settings, output: folder.path, start: .resumed))
    guard case .anotherRun(let differences, _) = error else {
      Issue.record("\(error)")
      return
    }
    #expect(differences.map(\.name) == ["objective.data", "parameters", "patience"])
    let text = error.description
    #expect(text.contains("objective.data was toy, is others; "))
    #expect(text.contains("parameters was 4 tensors, 43 values, is 4 tensors, 57 values; patience was absent, is 3."))
    #expect(bits(toy) == before)
    // How often a run is saved does not decide its result.
    settings = TrainingSettings(.steps(4), learningRate: 0.001, saveInterval: 2)
    #expect(refusal(ToyRegression(), settings, output: folder.path, start: .resumed) == nil)
  }

  @Test func `A state that is cut off is refused`() throws {
    let folder = TemporaryFolder()
    let settings = TrainingSettings(.steps(2))
    #expect(refusal(ToyRegression(), settings, output: folder.path) == nil)
    let file = folder.path("training-state.safetensors")
    let bytes = try Data(contentsOf: URL(filePath: file))
    try bytes.prefix(bytes.count - 5).write(to: URL(filePath: file))
    let toy = ToyRegression()
    let before = bits(toy)
    let error = try #require(refusal(toy, settings, output: folder.path, start: .resumed))
    #expect(error.description.contains("Was the file cut off?"))
    #expect(bits(toy) == before)
  }

  @Test func `Two runs cannot write to one folder`() throws {
    let folder = TemporaryFolder()
    var second: TrainingError?
    _ = try Trainer(ToyRegression(), settings: TrainingSettings(.steps(1)), output: folder.path, compute: compute)
      .run { _ in
        second = second ?? refusal(ToyRegression(), TrainingSettings(.steps(1)), output: folder.path)
        return .continue
      }
    #expect(second == .folderInUse(path: folder.path))
  }
}

/// Another objective, with its loss multiplied now and then.
private struct PoisonedLoss: TrainingObjective {
  let base: ToyRegression
  let factor: Float
  let isDue: () -> Bool

  init(_ base: ToyRegression, factor: Float, isDue: @escaping () -> Bool) {
    self.base = base
    self.factor = factor
    self.isDue = isDue
  }

  var parameters: [TrainedParameter] { base.parameters }
  func batches(epoch: Int) -> [[Int]] { base.batches(epoch: epoch) }

  func loss(_ batch: [Int], epoch: Int, on pass: Pass) throws -> BatchLoss {
    let loss = try base.loss(batch, epoch: epoch, on: pass)
    return isDue() ? BatchLoss(mean: pass.scaled(loss.mean, by: factor), weight: loss.weight) : loss
  }
}

/// A finite loss whose gradient is infinite for the second of two parameters.
private struct PoisonedGradient: TrainingObjective {
  let parameters = ["first", "second"].map { TrainedParameter(name: $0, value: Tensor([1], rows: 1, columns: 1)) }

  func batches(epoch: Int) -> [[Int]] { [[0]] }

  func loss(_ batch: [Int], epoch: Int, on pass: Pass) -> BatchLoss {
    let sum = pass.scaled(parameters[0].value, by: 1)
    let y = pass.tensor(rows: 1, columns: 1)
    y.pointer.pointee = sum.pointer.pointee
    let second = parameters[1].value
    pass.tape?.record(y, from: [sum, second]) { dy, gradients in
      if let gradient = gradients[sum] { gradient.pointer.pointee += dy.pointer.pointee }
      if let gradient = gradients[second] { gradient.pointer.pointee = .infinity }
    }
    return BatchLoss(mean: y, weight: 1)
  }
}

/// A loss that depends on nothing.
private struct Fixed: TrainingObjective {
  var names = ["a"]
  var batches = [[0]]
  var weight: Float = 1

  var parameters: [TrainedParameter] {
    names.map { TrainedParameter(name: $0, value: Tensor([1], rows: 1, columns: 1)) }
  }

  func batches(epoch: Int) -> [[Int]] { batches }

  func loss(_ batch: [Int], epoch: Int, on pass: Pass) -> BatchLoss {
    BatchLoss(mean: Tensor([1], rows: 1, columns: 1), weight: weight)
  }
}
