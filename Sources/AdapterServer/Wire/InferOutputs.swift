import AdapterHost

/// A tensor on the wire.
struct WireTensor: Sendable {
  enum Values: Sendable {
    case floats([Float])
    case integers([Int])
    case texts([String])
  }

  let shape: [Int]
  let values: Values

  var datatype: String {
    switch values {
    case .floats: "FP32"
    case .integers: "INT64"
    case .texts: "BYTES"
    }
  }

  func json(_ writer: AnswerWriter) throws -> String {
    switch values {
    case .floats(let values): try writer.list(values)
    case .integers(let values): try writer.list(values) { "\($0)" }
    case .texts(let values): try writer.list(values) { JSONValue.string($0).line }
    }
  }

  /// Little-endian; a text is a four-byte length followed by UTF-8.
  ///
  /// - Throws: `ServiceError.answerTooLarge`.
  func binary(_ writer: AnswerWriter) throws -> [UInt8] {
    func bytes<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    let size =
      switch values {
      case .floats(let values): 4 * values.count
      case .integers(let values): 8 * values.count
      case .texts(let values): values.reduce(0) { $0 + 4 + $1.utf8.count }
      }
    guard size <= writer.limit else { throw ServiceError.answerTooLarge(limit: writer.limit) }
    return switch values {
    case .floats(let values): values.flatMap { bytes($0.bitPattern) }
    case .integers(let values): values.flatMap { bytes(Int64($0)) }
    case .texts(let values): values.flatMap { bytes(UInt32($0.utf8.count)) + Array($0.utf8) }
    }
  }
}

/// A head's outputs for some texts, as tensors.
struct InferOutputs: Sendable {
  private let tensors: [(name: String, tensor: WireTensor)]
  private let labels: [String]

  init(_ answers: TextService.Answers, _ settings: HeadSettings) {
    let logits = answers.logits.map { $0[0] }
    labels = settings.labelNames
    let width = logits.first?.columns ?? settings.outputs
    let values = logits.flatMap(\.values)
    var tensors = [("logits", WireTensor(shape: [values.count / max(width, 1), width], values: .floats(values)))]
    if settings.kind.classifiesTexts {
      let scores = answers.predictions.map { prediction -> [ScoredLabel] in
        switch prediction.answers[0].answer {
        case .label(_, let all), .labels(_, let all): all
        case let other: other.scored(settings)
        }
      }
      tensors.append(
        ("scores", WireTensor(shape: [scores.count, width], values: .floats(scores.flatMap { $0.map(\.score) }))))
      // A text may have several labels, or none, where each is decided by itself: these are read from the scores.
      guard settings.kind == .classification else {
        self.tensors = tensors
        return
      }
      let best = scores.map { all in all.indices.reduce(0) { all[$1].score > all[$0].score ? $1 : $0 } }
      let names = zip(scores, best).map { $0[$1].label }
      tensors.append(("label", WireTensor(shape: [names.count], values: .texts(names))))
    } else {
      let counts = logits.map { $0.rows.reduce(0, +) }
      let splits = counts.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1) }
      tensors.append(("row_splits", WireTensor(shape: [splits.count], values: .integers(splits))))
    }
    self.tensors = tensors
  }

  var names: [String] { tensors.map(\.name) }

  subscript(name: String) -> WireTensor? { tensors.first { $0.name == name }?.tensor }

  /// The largest values of each row, as `value:index:label`.
  ///
  /// - Throws: `Fault` for an output without classes.
  func classification(_ name: String, count: Int) throws(Fault) -> WireTensor {
    guard name == "scores" || name == "logits", let tensor = self[name], case .floats(let values) = tensor.values,
      let width = tensor.shape.last, width > 0
    else { throw Fault(description: "'classification' is for scores and logits, not for '\(name)'.") }
    let kept = min(count, width)
    let texts = stride(from: 0, to: values.count, by: width).flatMap { start in
      let row = values[start..<start + width]
      let best = row.indices.sorted { (row[$0], $1) > (row[$1], $0) }.prefix(kept)
      return best.map { place in
        let label = labels.indices.contains(place - start) ? labels[place - start] : ""
        return "\(row[place]):\(place - start):\(label)"
      }
    }
    return WireTensor(shape: [values.count / width, kept], values: .texts(texts))
  }
}
