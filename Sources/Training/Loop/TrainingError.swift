public import Checkpoints

/// Why a run cannot start or continue.
public enum TrainingError: Error, Hashable, Sendable {
  /// A file cannot be read or written.
  case checkpoint(CheckpointError)
  /// A file of the run's folder cannot be written, for example because the disk is full; includes the last saved state,
  /// if any.
  case notWritten(CheckpointError, savedStep: Int?, savedPath: String?)
  /// A setting has the wrong type or an invalid value.
  case configuration(ConfigurationError)
  /// A configuration has an unknown key.
  case unknownKey(String, nearest: [String], known: [String], file: String)

  /// There are no parameters to train.
  case noParameters
  /// Two parameters have the same name.
  case repeatedParameter(String)
  /// An epoch has no batches.
  case noBatches(epoch: Int)
  /// A batch has no examples.
  case emptyBatch(Place)
  /// The weight of a batch is negative or not finite.
  case impossibleWeight(Float, at: Place)

  /// The loss is NaN or infinite.
  case lossNotFinite(Float, at: Place, advice: Advice)
  /// The loss is finite, but the gradient is not.
  case gradientNotFinite(parameter: String, at: Place, advice: Advice)
  /// The loss of the first step depends on no parameter.
  case nothingToLearn(at: Place)

  /// A new run would overwrite the state of another one.
  case stateExists(path: String)
  /// There is no state to resume from.
  case noState(path: String)
  /// Another process is using the folder.
  case folderInUse(path: String)
  /// The saved run had different settings or data.
  case anotherRun(differences: [Difference], path: String)
  /// The saved state is inconsistent.
  case brokenState(reason: String, path: String)

  /// A position in a run.
  public struct Place: Hashable, Sendable {
    /// From 1.
    public let step: Int
    /// From 0.
    public let epoch: Int
    /// The index of the batch in its epoch, from 0.
    public let batch: Int
    /// The indices of its examples.
    public let examples: [Int]
    /// The lines in the training data where they begin, if they come from a file.
    public let lines: [Int]?
  }

  /// What a user needs to know to try again.
  public struct Advice: Hashable, Sendable {
    public let learningRate: Double
    /// The gradient norm limit, if there is one.
    public let clipNorm: Double?
    /// The step of the saved state, if any.
    public let savedStep: Int?
    /// The file of that state.
    public let savedPath: String?
  }

  /// A difference from the saved run.
  public struct Difference: Hashable, Sendable {
    public let name: String
    /// Nil if missing in the saved run.
    public let saved: String?
    /// Nil if missing in the current run.
    public let now: String?

    public init(name: String, saved: String?, now: String?) {
      self.name = name
      self.saved = saved
      self.now = now
    }
  }
}

extension TrainingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .checkpoint(let error): error.description
    case .notWritten(let error, let savedStep, let savedPath):
      if let savedStep, let savedPath {
        "\(error) The state of step \(savedStep) is kept in \(savedPath): make room, then resume the run."
      } else {
        "\(error) No state of the run is kept yet: make room, then start again."
      }
    case .configuration(let error): error.description
    case .unknownKey(let key, let nearest, let known, let file):
      "\(file): the key '\(key)' is unknown. "
        + (nearest.first.map { "Is '\($0)' meant?" } ?? "Known are \(known.sorted().joined(separator: ", ")).")
    case .noParameters:
      "Nothing is to be trained: there are no parameters. Name an adapter, a head or the base to train."
    case .repeatedParameter(let name):
      "Two trained parameters are named '\(name)', so their states could not be distinguished."
    case .noBatches(let epoch):
      "Epoch \(epoch + 1) has no batches. Is the training data empty, or every example too long for a batch?"
    case .emptyBatch(let place): "\(place): the batch has no examples."
    case .impossibleWeight(let weight, let place):
      "\(place): the batch counts \(weight) times; expected 0 or more, the number of its examples or tokens."
    case .lossNotFinite(let loss, let place, let advice):
      "\(place): the loss is \(loss.isNaN ? "not a number" : "infinite"), at \(advice)"
    case .gradientNotFinite(let parameter, let place, let advice):
      "\(place): the loss is finite, but the gradient of '\(parameter)' is not, at \(advice)"
    case .nothingToLearn(let place):
      "\(place): the loss depends on no trained parameter, so nothing would be learned. "
        + "Is the adapter that is trained part of the setup?"
    case .stateExists(let path):
      "\(path): holds the state of a run. Resume it, or choose another folder for a new run."
    case .noState(let path): "\(path): there is no state of a run to resume. Was it begun with another folder?"
    case .folderInUse(let path): "\(path): another process is training into this folder."
    case .anotherRun(let differences, let path):
      "\(path): this is the state of another run, which cannot be resumed: "
        + differences.map(\.description).joined(separator: "; ")
        + ". Use the settings and data of that run, or choose another folder."
    case .brokenState(let reason, let path): "\(path): is not the state of a run: \(reason)."
    }
  }
}

extension TrainingError.Place: CustomStringConvertible {
  public var description: String {
    let places = lines ?? examples
    let shown = places.prefix(8).map { "\($0)" }.joined(separator: ", ") + (places.count > 8 ? ", …" : "")
    let kind = lines == nil ? "examples" : "lines of the training data"
    return "Step \(step) (epoch \(epoch + 1), batch \(batch + 1), \(kind) [\(shown)])"
  }
}

extension TrainingError.Advice: CustomStringConvertible {
  public var description: String {
    let clip = clipNorm.map { "a clip_norm below \($0)" } ?? "a clip_norm of 1"
    let kept =
      if let savedStep, let savedPath {
        "The state of step \(savedStep) is kept in \(savedPath); resumed, it takes another learning_rate and clip_norm."
      } else {
        "Nothing of the step was kept."
      }
    return "a learning rate of \(learningRate). Try a lower learning rate, a longer warm-up or \(clip), "
      + "and look at the examples of the batch. \(kept)"
  }
}

extension TrainingError {
  /// Whether the loss or a gradient was NaN or infinite.
  var isNotFinite: Bool {
    switch self {
    case .lossNotFinite, .gradientNotFinite: true
    default: false
    }
  }

  /// The same error, with a state that was saved because of it.
  func after(saving step: Int?, in path: String?) -> TrainingError {
    func advice(_ old: Advice) -> Advice {
      Advice(learningRate: old.learningRate, clipNorm: old.clipNorm, savedStep: step, savedPath: path)
    }
    switch self {
    case .lossNotFinite(let loss, let place, let old): return .lossNotFinite(loss, at: place, advice: advice(old))
    case .gradientNotFinite(let parameter, let place, let old):
      return .gradientNotFinite(parameter: parameter, at: place, advice: advice(old))
    default: return self
    }
  }
}

extension TrainingError.Difference: CustomStringConvertible {
  public var description: String { "\(name) was \(saved ?? "absent"), is \(now ?? "absent")" }
}
