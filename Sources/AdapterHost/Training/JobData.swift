internal import Heads
internal import Tokenization
internal import Training

/// A recipe's encoded examples, and their labels.
struct JobData {
  let labels: LabelVocabulary?
  let training: TrainingDataset
  let development, test: TrainingDataset?

  /// Reads the files of a recipe.
  ///
  /// - Parameters:
  ///   - recipe: contains the paths.
  ///   - task: the task of the examples.
  ///   - head: the settings of an existing head, whose labels apply.
  ///   - maximumLength: the maximum number of input tokens; nil for no limit.
  ///   - tokenizer: the base model's.
  /// - Throws: `DatasetError`, `LabelError`; `TrainingJobError.afterFaults`, if records were left out before.
  init(
    _ recipe: TrainingRecipe, _ task: TrainingTask, head: HeadSettings?, maximumLength: Int?,
    _ tokenizer: any Tokenizer
  ) throws {
    var notes: [String] = []
    do {
      let given = try task.hasLabels ? Self.givenLabels(recipe, head) : nil
      func source(_ path: String, _ labels: LabelVocabulary?) throws -> SourceData {
        let source = try SourceData(
          path: path, for: task, format: recipe.format, columns: recipe.columns, labels: labels)
        notes += source.faults.notes
        return source
      }
      let training = try source(recipe.trainingData, given)
      let labels = try task.hasLabels ? given ?? LabelVocabulary(inferredFrom: training.examples) : nil
      let development = try recipe.developmentData.map { try source($0, labels) }
      let test = try recipe.testData.map { try source($0, labels) }
      if task == .classification, let labels, labels.count < 2 { throw TrainingJobError.oneLabel(labels.names[0]) }
      let encoder = ExampleEncoder(tokenizer, for: task, labels: labels, maximumLength: maximumLength)
      self.labels = labels
      self.training = try encoder.dataset(training)
      self.development = try development.map { try encoder.dataset($0, for: .evaluation) }
      self.test = try test.map { try encoder.dataset($0, for: .evaluation) }
    } catch  where !notes.isEmpty {
      throw TrainingJobError.afterFaults(notes: notes, reason: "\(error)")
    }
  }

  private static func givenLabels(_ recipe: TrainingRecipe, _ head: HeadSettings?) throws -> LabelVocabulary? {
    if let head { return try LabelVocabulary(head) }
    return switch recipe.labels {
    case .names(let names): try LabelVocabulary(names)
    case .file(let path): try LabelVocabulary(path: path)
    case nil: recipe.columns.flags.isEmpty ? nil : try LabelVocabulary(recipe.columns.flags)
    }
  }
}
