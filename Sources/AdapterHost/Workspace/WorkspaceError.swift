/// Why it cannot be told what a command works with.
public enum WorkspaceError: Error, Hashable, Sendable, CustomStringConvertible {
  case noRegistry(candidates: [String])
  case noModel(name: String, registry: String?, nearest: [String])
  case unknownAdapter(name: String, model: String, nearest: [String])
  case folderInUse(path: String)
  case fusionInSetup(setup: String)

  public var description: String {
    switch self {
    case .noRegistry(let candidates):
      "There is no registry of models and adapters at \(candidates.joined(separator: ", nor at ")). "
        + "Name one with --registry, make one with 'adapter-cli models register DIR', or give --model DIR."
    case .noModel(let name, let registry, let nearest):
      "'\(name)' is neither a folder nor the name of a base model"
        + (registry.map { " in \($0)" } ?? "")
        + (nearest.isEmpty ? "." : "; did you mean \(listed(nearest))?")
    case .unknownAdapter(let name, let model, let nearest):
      "No adapter is called '\(name)', neither among those given with --adapter nor among those registered for \(model)"
        + (nearest.isEmpty ? "." : "; did you mean \(listed(nearest))?")
    case .fusionInSetup(let setup):
      "\(setup) cannot be the active setup: a fusion is not registered, but named where it is used, as in "
        + "'adapter-cli forward --fusion a,b=DIR'."
    case .folderInUse(let path): "\(path) is there already; name a folder that is new or empty."
    }
  }

  private func listed(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: " or ") }
}
