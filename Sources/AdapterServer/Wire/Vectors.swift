import AdapterHost

extension TextService {
  /// How vectors are made, with the length that a request wants.
  func pooling(normalizes: Bool) -> EmbeddingOptions {
    var options = embeddingOptions
    options.normalize = normalizes
    return options
  }
}

/// Embedding inputs and outputs of the HTTP APIs.
enum Vectors {
  /// A text, token ids, or a list of either.
  static func sources(_ call: Call, _ name: String) throws -> [TextService.Source] {
    let value = call.body[name]
    let sources: [TextService.Source]
    if let text = value?.text {
      sources = [.text(text)]
    } else if let ids = value?.integers {
      sources = [.ids(ids)]
    } else if let elements = value?.elements {
      try call.requireCount(elements.count, name)
      sources = try elements.map { element in
        if let text = element.text { return .text(text) }
        if let ids = element.integers { return .ids(ids) }
        throw call.body.wrong(name, value, "a string, a list of token ids, or a list of either")
      }
    } else {
      throw call.body.wrong(name, value, "a string, a list of token ids, or a list of either")
    }
    return sources
  }

  static func json(_ vector: [Float]) -> String { JSONLine.array(vector.map { JSONLine.number($0) }) }

  /// The first components of a vector, normalized to length 1 if requested.
  static func cut(_ vector: [Float], to count: Int?, normalizes: Bool) throws -> [Float] {
    guard let count else { return vector }
    guard count <= vector.count else {
      throw Fault(
        description: "'dimensions' is \(count); the vectors have \(vector.count) numbers.", parameter: "dimensions")
    }
    return EmbeddingOptions(normalize: normalizes).vector(
      of: Tensor(Array(vector.prefix(count)), rows: 1, columns: count), tokens: [0])
  }
}
