internal import Checkpoints
internal import Deberta

/// The tensors in a PEFT folder, by their names below the encoder.
struct PeftContents: Sendable {
  let shapes: [String: [Int]]
  /// Whether PEFT wrapped a model with a head, whose encoder is named `deberta`.
  let isBelowHead: Bool

  init(_ shapes: [String: [Int]], isBelowHead: Bool) { (self.shapes, self.isBelowHead) = (shapes, isBelowHead) }

  /// The tensors of modules, by name within the module.
  func tensors(of paths: some Sequence<String>) -> [String: [String: [Int]]] {
    let known = Set(paths)
    var tensors: [String: [String: [Int]]] = [:]
    for (name, shape) in shapes {
      var path = Substring(name)
      while let dot = path.lastIndex(of: ".") {
        path = path[..<dot]
        guard known.contains(String(path)) else { continue }
        tensors[String(path), default: [:]][String(name[name.index(after: dot)...])] = shape
        break
      }
    }
    return tensors
  }
}
