internal import Checkpoints
internal import Deberta

/// The tensors that a folder of PEFT holds, by their names below the encoder.
struct PeftContents: Sendable {
  let shapes: [String: [Int]]
  /// Whether PEFT saw a model with a head, whose encoder is called `deberta`.
  let isBelowHead: Bool

  init(_ file: TensorFile) {
    shapes = Dictionary(file.tensors.map { (PeftFolder.ownName($0.name), $0.shape) }) { first, _ in first }
    let names = file.tensors.map { PeftFolder.name($0.name) }
    // Adapters that change no module of the encoder by its name are of models with heads.
    isBelowHead =
      names.contains { EncoderLayout.ownName($0) != $0 }
      || !names.contains { $0.hasPrefix("encoder.") || $0.hasPrefix("embeddings.") }
  }

  init(_ shapes: [String: [Int]], isBelowHead: Bool) { (self.shapes, self.isBelowHead) = (shapes, isBelowHead) }

  /// The tensors of modules, by their names below those of the modules.
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
