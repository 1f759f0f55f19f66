/// Why a PEFT folder cannot be used, or an adapter cannot be written as one.
public enum PeftError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file adapts a module that its settings exclude, or that is not supported.
  case otherPlace(tensor: String, module: String, file: String)
  /// A head's layer has different sizes than the adapter's. [outputs, inputs]
  case headLayer(module: String, expected: [Int], found: [Int])
  case noCounterpart(method: String)

  public var description: String {
    switch self {
    case .otherPlace(let tensor, let module, let file):
      "\(file): '\(tensor)' adapts '\(module)', which the settings beside it leave out, or which this method does not "
        + "adapt here. In Python, merge_and_unload() puts all of the adapter into a checkpoint that this program loads."
    case .headLayer(let module, let expected, let found):
      "The adapter acts on '\(module)' with \(expected[0]) outputs of \(expected[1]) inputs, but the head that answers "
        + "has \(found[0]) of \(found[1]). Was the adapter trained on a model with other labels? Name another head."
    case .noCounterpart(let method):
      "PEFT has no counterpart of '\(method)'. LoRA and IA³ without gates, and adapters that came from PEFT, can be "
        + "written as a folder of PEFT."
    }
  }
}
