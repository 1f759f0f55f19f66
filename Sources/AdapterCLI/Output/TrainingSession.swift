internal import AdapterHost
internal import ArgumentParser
internal import Foundation

/// A training run on the command line: notes, progress, the result.
struct TrainingSession {
  private let name: String
  private let recipe: TrainingRecipe
  private let workspace: Workspace
  private let model: DebertaV2AdapterModel
  private let location: RegistryLocation
  private let output: String
  private let registers: Bool

  /// Loads the model, and refuses what would fail at the end of the run.
  ///
  /// - Parameters:
  ///   - recipe: the recipe to run.
  ///   - name: the adapter to train if the recipe has no setup.
  ///   - folder: the folder of a saved adapter to train further.
  ///   - registry: a registry's path; nil: the default one.
  ///   - threads: nil for one per processor.
  ///   - output: the folder of the run.
  init(
    _ recipe: TrainingRecipe, adapter name: String, folder: String?, registry: String?, threads: Int?, output: String
  ) throws {
    self.name = name
    self.output = output
    location = RegistryLocation(given: registry)
    workspace = try Workspace(
      WorkspaceRequest(
        model: recipe.model, registry: registry, setup: recipe.setup?.description, usesActiveSetup: false))
    var recipe = recipe
    recipe.model = recipe.model ?? workspace.modelName ?? workspace.modelFolder
    self.recipe = recipe
    registers =
      try !recipe.isUnregistered
      && TrainedAdapters.canRegister(
        recipe, adapter: name, modelFolder: workspace.modelFolder, output: output, at: location)
    if registers, recipe.trainsEmbeddings {
      throw ConfigurationError.impossible(
        key: "train_embeddings", value: "true",
        expected: "'unregistered' with it (--unregistered): the registry keeps no word embeddings, without which the "
          + "adapter is not what was trained", file: "The recipe")
    }
    var model = try DebertaV2AdapterModel(
      folder: workspace.modelFolder, compute: Compute(threads: threads, precision: recipe.precision))
    Terminal.tellWarnings(of: model)
    if let folder { try model.loadAdapter(folder, as: name) }
    // Registered adapters of a setup are loaded; others will be created.
    for other in recipe.setup?.adapters ?? [] where model.adapter(other) == nil {
      if let folder = try workspace.folder(ofAdapterIfKnown: other) { try model.loadAdapter(folder, as: other) }
    }
    for members in recipe.setup?.fusedAdapters ?? [] {
      // A registered fusion is trained further.
      if try workspace.fusion(of: members) != nil {
        try workspace.load(.fuse(members.map { .adapter($0) }), into: &model)
      }
    }
    self.model = model
    if !recipe.isUnregistered, !registers {
      Terminal.note("The base model is in no registry, so the result will be in \(output) alone.")
    }
  }

  func run(_ start: Trainer.Start, json: Bool) throws {
    let job = try TrainingJob(
      recipe, adapter: name, model: model, workspace.loadTokenizer(recipe.tokenizer), folder: workspace.modelFolder)
    if case .new = start { try TrainedAdapters.requireFree(job, in: output) }
    Terminal.note(job.introduction)
    for note in job.notes { Terminal.note(note) }
    var progress = TrainingProgress(tells: !json)
    let interruption = Interruption()
    let summary = try job.run(start, output: output) { event in
      progress.show(event)
      return interruption.signal == nil ? .continue : .stop
    }
    progress.clear()
    if summary.end == .stopped {
      Terminal.note("Stopped after step \(summary.steps); 'adapter-cli train --resume --output \(output)' goes on.")
      throw ExitCode(128 + (interruption.signal ?? SIGINT))
    }
    let tests = try job.test()
    let saved = try TrainedAdapters.save(job, summary, tests, modelFolder: workspace.modelFolder, to: output)
    let registered =
      try registers
      ? TrainedAdapters.register(
        saved, of: workspace.modelFolder, output: output, at: location, overwrites: recipe.overwrites) : []
    if json {
      print(summary.json(job, tests, saved: saved.folders, registered: registered).line)
    } else {
      let tests = tests.map { Array(zip(job.heads, $0)) } ?? []
      print(summary.text(tests, saved: saved.folders, registered: registered))
    }
  }
}

extension TrainingJob {
  /// A description of what will be done.
  fileprivate var introduction: String {
    let parameters = trainable.parameters.reduce(0) { $0 + $1.value.rows * $1.value.columns }
    return "Training \(setup?.description ?? "the base model") with the \(heads.count == 1 ? "head" : "heads") "
      + "\(heads.joined(separator: ", ")) (\(task.rawValue)): "
      + "\(parameters.counting("parameter")), \(trainingData.examples.count.counting("example"))"
      + (developmentData.map { ", \($0.examples.count) for evaluation" } ?? "") + "."
  }

  /// Notes to show before the run.
  fileprivate var notes: [String] {
    let data = [trainingData, developmentData, testData].compactMap { $0 }
    return changedFiles + data.flatMap(\.warnings)
  }
}

extension TrainingDataset {
  /// Warnings about the data.
  var warnings: [String] {
    let length = maximumLength ?? 0
    var notes = faults.notes
    if truncation.answers > 0 {
      notes.append(
        "\(truncation.answers) of \(truncation.answered) answers of \(faults.path) were cut off: no window of "
          + "\(length) tokens holds them whole. --max-length makes windows longer.")
    }
    if truncation.examples > 0 {
      notes.append(
        "\(truncation.examples) of \(examples.count) examples of \(faults.path) were cut at \(length) tokens; "
          + "--max-length sets another length, 0 for the model's limit.")
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
    if let best {
      lines.append("Best by \(best.result.primary.name) at step \(best.step): \(best.result.text).")
    }
    for test in tests { lines.append("Test\(tests.count > 1 ? " of \(test.head)" : ""): \(test.result.text).") }
    lines += saved.map { "Saved to \($0)." }
    if !registered.isEmpty { lines.append("Registered \(registered.joined(separator: ", ")).") }
    return lines.joined(separator: "\n")
  }

  fileprivate func json(
    _ job: TrainingJob, _ tests: [EvaluationResult]?, saved: [String], registered: [String]
  ) -> JSONValue {
    guard case .object(var members) = object else { return object }
    members["recipe"] = .object(job.resolvedRecipe)
    members["test"] = tests.map { .array($0.map(\.json)) }
    members["saved"] = .array(saved.map { .string($0) })
    members["registered"] = .array(registered.map { .string($0) })
    return .object(members)
  }
}

extension EvaluationResult {
  /// All metrics on one line.
  var text: String { metrics.map { "\($0.name) \($0.value.formatted(decimals: 4))" }.joined(separator: ", ") }
}
