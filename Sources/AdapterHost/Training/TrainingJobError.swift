public import Training

/// Why a recipe cannot be run.
public enum TrainingJobError: Error, Hashable, Sendable, CustomStringConvertible {
  case noHead(name: String)
  case otherHead(name: String, TrainingTask, TrainingTask)
  case unlikeHeads(String, String)
  case sharedHead(name: String)
  case oneLabel(String)
  case notAProbability(head: String, value: Float, line: Int)
  case frozenElsewhere(name: String, setup: String?)
  case freshInFusion(name: String)
  /// A setting without an effect.
  case idle(key: String, reason: String)
  /// A failure possibly caused by records that were left out before.
  case afterFaults(notes: [String], reason: String)
  /// The result could not be registered after the run.
  case cannotRegister(reason: String)
  /// The result is in its folder, but could not be registered.
  case notRegistered(folders: [String], reason: String)

  public var description: String {
    switch self {
    case .noHead(let name):
      "There is no head called '\(name)', and no kind of head is named to make one. "
        + "Name one of \(TrainingTask.allCases.map(\.rawValue).joined(separator: ", "))."
    case .otherHead(let name, let found, let requested):
      "The head '\(name)' is for \(found.rawValue), not for \(requested.rawValue); leave the kind out, or train another "
        + "adapter's head."
    case .unlikeHeads(let first, let second):
      "The heads '\(first)' and '\(second)' have different answers, so the same examples cannot train both."
    case .sharedHead(let name):
      "Several branches of the setup end with '\(name)', so they would share its head; each needs its own."
    case .oneLabel(let label):
      "A head that knows the label '\(label)' alone has nothing to choose; classification takes two labels or more. "
        + "For numbers train a head for regression."
    case .freshInFusion(let name):
      "No adapter is called '\(name)', and a fusion joins adapters that are trained before it. Register it, or train "
        + "it first with 'adapter-cli train --adapter \(name)'."
    case .notAProbability(let head, let value, let line):
      "The head '\(head)' gives a probability (the sigmoid of its output), so its examples must have values from 0 to "
        + "1; line \(line) has \(value)."
    case .frozenElsewhere(let name, let setup):
      "'\(name)' is to stay as it is, but is not in the setup" + (setup.map { " \($0)." } ?? ": there is none.")
    case .idle(let key, let reason): "'\(key)' has no effect here: \(reason). Leave it out."
    case .afterFaults(let notes, let reason): (notes + [reason]).joined(separator: "\n")
    case .cannotRegister(let reason):
      "The result could not be registered at the end: \(reason) With --unregistered it stays in the output folder alone."
    case .notRegistered(let folders, let reason):
      "The result is in \(folders.joined(separator: ", ")), but could not be registered: \(reason) "
        + "Register it later with 'adapter-cli import'."
    }
  }
}
