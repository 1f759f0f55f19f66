internal import AdapterHost
internal import ArgumentParser
internal import Foundation

/// A training run as a person follows it: notes, a line of progress, the result.
struct TrainingSession {
  private let name: String
  private let recipe: TrainingRecipe
  private let workspace: Workspace
  private let model: DebertaV2AdapterModel
  private let base: BaseArguments
  private let output: String
  private let registers: Bool
  private let overwrites: Bool

  /// Loads the model, and refuses what would fail at the end.
  init(
    _ recipe: TrainingRecipe, adapter name: String, folder: String?, base: BaseArguments, threads: Int?,
    output: String, registers: Bool, overwrites: Bool
  ) throws {
    self.recipe = recipe
    self.name = name
    self.base = base
    self.output = output
    self.overwrites = overwrites
    workspace = try Workspace(
      WorkspaceRequest(
        model: base.model, registry: base.registry, setup: recipe.setup?.description, usesActiveSetup: false))
    var model = try DebertaV2AdapterModel(folder: workspace.modelFolder, compute: Compute(threads: threads))
    if let folder { try model.loadAdapter(folder, as: name) }
    // Adapters of a setup that are registered are loaded; others will be made.
    for other in recipe.setup?.adapters ?? [] where model.adapter(other) == nil {
      if let folder = try? workspace.folder(ofAdapter: other) { try model.loadAdapter(folder, as: other) }
    }
    for members in recipe.setup?.fusedAdapters ?? [] {
      // A fusion that is registered is trained on.
      if try workspace.fusion(of: members) != nil {
        try workspace.load(.fuse(members.map { .adapter($0) }), into: &model)
      }
    }
    self.model = model
    self.registers =
      try registers
      && TrainedAdapters.canRegister(
        recipe.trainedAdapters(name), fusions: recipe.trainedFusions(name), modelFolder: workspace.modelFolder,
        at: base.location, overwrites: overwrites)
    if registers, !self.registers {
      Terminal.note("The base model is in no registry, so the result will be in \(output) alone.")
    }
  }

  func run(_ start: Trainer.Start, json: Bool) throws {
    let job = try TrainingJob(
      recipe, adapter: name, model: model, workspace.loadTokenizer(), folder: workspace.modelFolder)
    if case .new = start { try TrainedAdapters.requireFree(job, in: output) }
    Terminal.note(job.introduction)
    for note in job.warnings { Terminal.note(note) }
    var progress = TrainingProgress(tells: !json)
    let interruption = Interruption()
    let summary = try job.run(start, output: output) { event in
      progress.show(event)
      return interruption.signal == nil ? .continue : .stop
    }
    progress.clear()
    guard summary.end != .stopped else {
      Terminal.note("Stopped after step \(summary.steps); 'adapter-cli train --resume' with the same flags goes on.")
      throw ExitCode(128 + (interruption.signal ?? SIGINT))
    }
    let tests = try job.test()
    let saved = try TrainedAdapters.save(job, summary, tests, modelFolder: workspace.modelFolder, to: output)
    let registered =
      try registers
      ? TrainedAdapters.register(
        saved.adapters, of: workspace.modelFolder, at: base.location, overwrites: overwrites) : []
    let names = registered.map(\.name)
    if json {
      print(summary.json(tests, saved: saved.folders, registered: names).line)
    } else {
      print(summary.text(tests.map { Array(zip(job.heads, $0)) } ?? [], saved: saved.folders, registered: names))
    }
  }
}

extension TrainingJob {
  /// What will be done.
  fileprivate var introduction: String {
    let parameters = trainable.parameters.reduce(0) { $0 + $1.value.rows * $1.value.columns }
    return "Training \(setup?.description ?? "the base model") with the \(heads.count == 1 ? "head" : "heads") "
      + "\(heads.joined(separator: ", ")) (\(task.rawValue)): "
      + "\(parameters.counting("parameter")), \(trainingData.examples.count.counting("example"))"
      + (developmentData.map { ", \($0.examples.count) for evaluation" } ?? "") + "."
  }

  fileprivate var warnings: [String] {
    [trainingData, developmentData, testData].compactMap { $0 }.flatMap { $0.warnings(cutAt: recipe.maximumLength) }
  }
}

extension TrainingDataset {
  /// What a person should know of the data.
  func warnings(cutAt length: Int?) -> [String] {
    var notes: [String] = []
    if faults.count > 0 {
      notes.append(
        "\(faults.count) of \(faults.records) records of \(faults.path) were left out; the first: "
          + "\(faults.first.first?.description ?? "")")
    }
    if truncation.examples > 0 {
      notes.append(
        "\(truncation.examples) of \(examples.count) examples of \(faults.path) were cut at \(length ?? 0) tokens.")
    }
    return notes
  }
}

extension TrainingSummary {
  fileprivate func text(
    _ tests: [(head: String, result: EvaluationResult)], saved: [String], registered: [String]
  ) -> String {
    var lines = [
      "\(steps.counting("step")) in \(seconds.formatted(decimals: 1)) s, \(tokens.counting("token")); "
        + "the last loss is \(Double(loss).formatted(decimals: 4))."
    ]
    if end == .noImprovement { lines.append("No evaluation was better for a while, so it ended early.") }
    if let best { lines.append("Best at step \(best.step): \(best.result.text).") }
    for test in tests { lines.append("Test\(tests.count > 1 ? " of \(test.head)" : ""): \(test.result.text).") }
    lines += saved.map { "Saved to \($0)." }
    if !registered.isEmpty { lines.append("Registered \(registered.joined(separator: ", ")).") }
    return lines.joined(separator: "\n")
  }

  fileprivate func json(_ tests: [EvaluationResult]?, saved: [String], registered: [String]) -> JSONValue {
    guard case .object(var members) = object else { return object }
    members["test"] = tests.map { .array($0.map(\.json)) }
    members["saved"] = .array(saved.map { .string($0) })
    members["registered"] = .array(registered.map { .string($0) })
    return .object(members)
  }
}

extension EvaluationResult {
  /// All metrics in a line.
  var text: String { metrics.map { "\($0.name) \($0.value.formatted(decimals: 4))" }.joined(separator: ", ") }
}
