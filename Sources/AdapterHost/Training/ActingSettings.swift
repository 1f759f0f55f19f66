internal import Checkpoints
internal import Training

/// Determines which settings of a recipe affect the given head, adapters and data.
struct ActingSettings {
  let task: TrainingTask
  let trainsBase: Bool
  /// Whether the setup has a Fuse block.
  let hasFusion: Bool
  /// Whether a new adapter, and a new head, are created.
  let makesAdapter, makesHead: Bool
  /// Whether an adapter has hooks in a layer; true if no layers are to be left out.
  let adaptsLayers: Bool
  let hasDevelopmentData: Bool
  let optimizer: OptimizerSettings

  /// Refuses settings without an effect, unless they have their default values.
  ///
  /// - Throws: `TrainingJobError.idle`, naming the first key in order.
  func check(_ recipe: TrainingRecipe) throws(TrainingJobError) {
    let members = recipe.object
    let inert: [String: JSONValue] = [
      "label_smoothing": .number(0), "class_weights": .null, "train_embeddings": .bool(false),
      "unfreeze_adapters": .bool(false),
    ]
    for key in recipe.givenKeys.sorted() {
      guard let value = members[key], value != inert[key], let reason = reason(key) else { continue }
      throw .idle(key: key, reason: reason)
    }
    if !recipe.columns.flags.isEmpty, task != .multilabelClassification {
      throw .idle(key: "columns.label", reason: "examples for \(task.rawValue) have one label, in one column")
    }
    for role in DataColumns.Role.allCases where recipe.columns[role] != nil && !task.reads(role) {
      throw .idle(key: "columns.\(role.rawValue)", reason: "examples for \(task.rawValue) have no such part")
    }
  }

  /// The members of a recipe that have an effect.
  func acting(_ members: [String: JSONValue]) -> [String: JSONValue] { members.filter { reason($0.key) == nil } }

  /// Why a setting has no effect; nil if it has one.
  private func reason(_ key: String) -> String? {
    let head = "a head for \(task.rawValue)"
    switch key {
    case "label_smoothing" where ![.classification, .tagging, .maskedLM].contains(task):
      return "\(head) has no targets to smooth"
    case "class_weights" where !task.hasLabels: return "\(head) has no classes"
    case "masking_rate" where task != .maskedLM: return "\(head) masks nothing"
    case "labels" where !task.hasLabels: return "\(head) has no labels"
    case "labels" where !makesHead, "head_layers" where !makesHead: return "the head is there already"
    case "train_embeddings" where trainsBase: return "the whole base model is trained"
    case "unfreeze_adapters" where !hasFusion: return "the setup has no Fuse whose adapters would be frozen"
    case "unfreeze_adapters" where trainsBase: return "everything is trained"
    case "config" where !makesAdapter: return "no fresh adapter is made"
    case "adapter_drop" where !adaptsLayers: return "no adapter acts in a layer"
    case "best_by" where !hasDevelopmentData, "patience" where !hasDevelopmentData,
      "evaluate_every" where !hasDevelopmentData, "keep_best" where !hasDevelopmentData:
      return "there are no 'dev' examples to evaluate"
    case "learning_rate", "schedule", "warmup_steps", "warmup_ratio":
      if case .adafactor(let rule) = optimizer, rule.usesRelativeStep {
        return "adafactor with 'relative_step' chooses its own rate"
      }
      return nil
    default: return nil
    }
  }
}
