/// Why a command's workspace cannot be determined.
public enum WorkspaceError: Error, Hashable, Sendable, CustomStringConvertible {
  case noRegistry(candidates: [String])
  case noModel(name: String, registry: String?, nearest: [String])
  case unknownAdapter(name: String, model: String, nearest: [String])
  case unknownFusion(adapters: [String], model: String, known: [[String]])
  case folderInUse(path: String)

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
    case .unknownFusion(let adapters, let model, let known):
      "No fusion of \(adapters.joined(separator: ", ")) is given with --fusion or registered for \(model)"
        + (known.isEmpty
          ? ". " : "; there is one of \(known.map { $0.joined(separator: ", ") }.joined(separator: ", and one of ")). ")
        + "Train one with 'adapter-cli train --setup \"Fuse(\(adapters.joined(separator: ", ")))\"', import its folder "
        + "with 'adapter-cli import', or name the folder with --fusion \(adapters.joined(separator: ","))=DIR."
    case .folderInUse(let path): "\(path) is there already; name a folder that is new or empty."
    }
  }

  private func listed(_ names: [String]) -> String { names.map { "'\($0)'" }.joined(separator: " or ") }
}
