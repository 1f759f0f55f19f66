import AdapterHost
import Foundation
import HTTPTypes
import NIOCore

/// The Open Inference Protocol v2 over REST, with the binary extension.
enum InferRoutes {
  static let all: [Route] =
    [
      Route(.get, "v2") { _ in
        Reply(
          json: JSONLine.object([
            ("name", "\"adapter-server\""), ("version", JSONValue.string(ProgramVersion.current).line),
            ("extensions", #"["binary_tensor_data", "classification", "model_repository"]"#),
          ]))
      }
    ]
    + ["v2/models/{name}", "v2/models/{name}/versions/{version}"].flatMap { path in
      [
        Route(.get, path) { try await metadata($0) },
        Route(.get, path + "/ready") { call in
          let setup = try call.setup()
          _ = try await call.app.service.answeringHeads(setup)
          return Reply(json: JSONLine.object([("name", JSONValue.string(setup.name).line), ("ready", "true")]), setup)
        },
        Route(.post, path + "/infer", content: .anything) { try await infer($0) },
      ]
    } + [
      Route(.post, "v2/repository/index", content: .anything) { call in
        let rows = try call.app.service.items().map {
          JSONLine.object([
            ("name", JSONValue.string($0.name).line), ("version", "\"1\""), ("state", "\"READY\""), ("reason", "\"\""),
          ])
        }
        return Reply(json: JSONLine.array(rows))
      },
      Route(.post, "v2/repository/models/{name}/load", access: .admin, content: .anything) { try await load($0) },
      Route(.post, "v2/repository/models/{name}/unload", access: .admin, content: .anything) { try await unload($0) },
    ]

  /// Loads what a name refers to; with a parameter `lora_path` the name is new, and refers to a folder.
  private static func load(_ call: Call) async throws -> Reply {
    let parameters = try repositoryParameters(call)
    if let path = try parameters.string("lora_path") {
      try await call.app.service.loadAdapter(
        call.repositoryName, from: call.app.allowedFolder(path), replacing: true)
    }
    _ = try await call.app.service.answeringHeads(call.app.service.setup(call.repositoryName))
    return .empty
  }

  /// Removes a name that was loaded from a folder; for any other only frees the memory.
  private static func unload(_ call: Call) async throws -> Reply {
    let parameters = try repositoryParameters(call)
    if try parameters.bool("unload_dependents") == true {
      throw Fault(
        description: "'unload_dependents' is true; no adapter here depends on another.", parameter: "parameters")
    }
    let setup = try call.app.service.setup(call.repositoryName)
    await call.app.service.free(setup)
    do { try await call.app.service.unloadAdapter(call.repositoryName) } catch ServiceError.isThere {}
    return .empty
  }

  /// The parameters of a request whose body may be empty.
  private static func repositoryParameters(_ call: Call) throws -> Body {
    guard call.bytes.readableBytes > 0 else { return Body() }
    return try Body(Data(call.bytes.readableBytesView)).object("parameters") ?? Body()
  }

  private static func checkVersion(_ call: Call) throws {
    if call.segments.count > 4, call.segments[3] == "versions", call.segments[4] != "1" {
      throw Failure.unknown(
        "The model '\(call.segments[2])' has no version '\(call.segments[4])'; there is '1'.", parameter: nil)
    }
  }

  private static func metadata(_ call: Call) async throws -> Reply {
    try checkVersion(call)
    let setup = try call.setup()
    let heads = try await call.app.service.answeringHeads(setup)
    let head = try await heads.count == 1 || call.headName() != nil ? call.head(of: setup) : heads[0]
    func tensor(_ name: String, _ type: String, _ shape: String) -> String {
      JSONLine.object([("name", "\"\(name)\""), ("datatype", "\"\(type)\""), ("shape", shape)])
    }
    let width = head.settings.outputs
    let outputs =
      head.settings.kind.classifiesTexts
      ? [
        tensor("logits", "FP32", "[-1, \(width)]"), tensor("scores", "FP32", "[-1, \(width)]"),
      ] + (head.settings.kind == .classification ? [tensor("label", "BYTES", "[-1]")] : [])
      : [tensor("logits", "FP32", "[-1, \(width)]"), tensor("row_splits", "INT64", "[-1]")]
    return Reply(
      json: JSONLine.object([
        ("name", JSONValue.string(setup.name).line), ("versions", #"["1"]"#), ("platform", "\"adapter-host\""),
        ("inputs", JSONLine.array([tensor("text", "BYTES", "[-1]"), tensor("text_pair", "BYTES", "[-1]")])),
        ("outputs", JSONLine.array(outputs)),
      ]), setup)
  }

  // MARK: Inference

  private static func infer(_ call: Call) async throws -> Reply {
    try checkVersion(call)
    let request = try await call.app.service.work { _ in try InferRequest(call) }
    let setup = try call.setup(request.parameters.string("adapter"))
    var named = call
    if let head = try request.parameters.string("head") { named = call.naming(head: head) }
    let head = try await named.head(of: setup)
    let texts = request.texts
    try call.requireCount(texts.count, "text")
    if let pairs = request.pairs, pairs.count != texts.count {
      throw Fault(description: "'text_pair' has \(pairs.count) elements, and 'text' \(texts.count).")
    }
    let inputs = texts.enumerated().map { TextInput($1, pair: request.pairs?[$0], index: $0) }
    let priority = try request.parameters.integer("priority", atLeast: 0).map { max(0, $0 - 1) }
    let timeout = try request.parameters.integer("timeout", atLeast: 1).map { Duration.microseconds($0) }
    let answers = try await call.app.service.predict(
      inputs, with: setup, heads: [head.name],
      reading: TextService.Reading(truncates: call.app.settings.truncates),
      terms: call.terms(setup, priority: priority, timeout: timeout))
    var reply = try await call.written { writer in
      let outputs = InferOutputs(answers, head.settings)
      let names = request.wantedNames ?? outputs.names
      let tensors = try names.map { name in
        guard let tensor = outputs[name] else {
          throw Fault(
            description: "There is no output '\(name)'; expected \(outputs.names.joined(separator: ", ")).",
            parameter: "outputs")
        }
        let classes = request.outputs.flatMap { $0[name]?.classes }
        return (name, try classes.map { try outputs.classification(name, count: $0) } ?? tensor)
      }
      return try request.reply(setup.name, tensors, writer)
    }
    reply.setup = setup
    reply.timing = answers.timing
    reply.describe(inputs, isBatch: inputs.count > 1)
    return reply
  }
}

extension Call {
  /// The name in `/v2/repository/models/NAME/load`.
  fileprivate var repositoryName: String { segments.count > 3 ? segments[3] : "" }

  /// The call with the name of a head in its body.
  func naming(head: String) -> Call {
    Call(
      app: app, headers: headers, segments: segments, body: Body(["head": .string(head)]), bytes: bytes, caller: caller)
  }
}

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

/// An inference request, in JSON or with binary tensors appended.
struct InferRequest: Sendable {
  struct Output: Sendable {
    let name: String
    let isBinary: Bool?
    /// The number of classes requested.
    let classes: Int?
  }

  let id: String?
  let parameters: Body
  let texts: [String]
  let pairs: [String]?
  let outputs: [String: Output]?
  private let outputNames: [String]?
  private let isBinary: Bool

  init(_ call: Call) throws {
    let bytes = Array(call.bytes.readableBytesView)
    var header = bytes.count
    if let text = call.headers[.inferenceHeaderLength] {
      guard let length = Int(text), (0...bytes.count).contains(length) else {
        throw Fault(
          description: "Inference-Header-Content-Length is '\(text)'; expected a number up to \(bytes.count).")
      }
      header = length
    }
    let body = try Body(Data(bytes[..<header]))
    id = try body.string("id")
    parameters = try body.object("parameters") ?? Body()
    isBinary = try parameters.bool("binary_data_output") ?? false
    var rest = bytes[header...]
    var read: [String: [String]] = [:]
    guard let inputs = body["inputs"]?.elements else {
      throw body.wrong("inputs", body["inputs"], "a list of tensors")
    }
    for input in inputs {
      guard case .object(let members) = input else { throw body.wrong("inputs", input, "a list of tensors") }
      let tensor = Body(members, place: "inputs.")
      let name = try tensor.required("name", tensor.string("name"), "'text' or 'text_pair'")
      guard name == "text" || name == "text_pair", read[name] == nil else {
        throw Fault(description: "There is no further input '\(name)'; expected 'text' and, if wanted, 'text_pair'.")
      }
      read[name] = try Self.texts(of: tensor, name, &rest)
    }
    guard rest.isEmpty else { throw Fault(description: "\(rest.count) bytes follow the tensors of the request.") }
    guard let texts = read["text"] else {
      throw Fault(description: "The input 'text' is missing.", parameter: "inputs")
    }
    self.texts = texts
    pairs = read["text_pair"]
    let wanted = try body["outputs"].map { value -> [Output] in
      guard let elements = value.elements else { throw body.wrong("outputs", value, "a list of objects") }
      return try elements.map { element in
        guard case .object(let members) = element else { throw body.wrong("outputs", value, "a list of objects") }
        let output = Body(members, place: "outputs.")
        let own = try output.object("parameters") ?? Body()
        return Output(
          name: try output.required("name", output.string("name"), "a string"), isBinary: try own.bool("binary_data"),
          classes: try own.integer("classification", atLeast: 0).flatMap { $0 == 0 ? nil : $0 })
      }
    }
    var known: Set<String> = []
    for output in wanted ?? [] where !known.insert(output.name).inserted {
      throw Fault(
        description: "'outputs' names '\(output.name)' twice; each output is given once.", parameter: "outputs")
    }
    outputNames = wanted.flatMap { $0.isEmpty ? nil : $0.map(\.name) }
    outputs = wanted.flatMap { list in
      list.isEmpty ? nil : Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0) })
    }
  }

  /// The texts of an input; binary ones are consumed from the rest of the body.
  private static func texts(of tensor: Body, _ name: String, _ rest: inout ArraySlice<UInt8>) throws -> [String] {
    guard try tensor.string("datatype") == "BYTES" else {
      throw tensor.wrong("datatype", tensor["datatype"], "'BYTES'")
    }
    guard let shape = tensor["shape"]?.integers, shape.allSatisfy({ $0 >= 0 }) else {
      throw tensor.wrong("shape", tensor["shape"], "a list of sizes")
    }
    let (count, overflows) = shape.reduce((1, false)) { product, size in
      let (value, overflow) = product.0.multipliedReportingOverflow(by: size)
      return (value, product.1 || overflow)
    }
    var texts: [String] = []
    if let size = try tensor.object("parameters")?.integer("binary_data_size", atLeast: 0) {
      guard size <= rest.count else {
        throw Fault(description: "'\(name)' has \(size) binary bytes, but \(rest.count) are left in the body.")
      }
      var own = rest.prefix(size)
      rest = rest.dropFirst(size)
      while !own.isEmpty {
        guard own.count >= 4 else { throw Fault(description: "A length in the bytes of '\(name)' is cut off.") }
        let length = own.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        own = own.dropFirst(4)
        guard length <= own.count, let text = String(validating: own.prefix(length), as: UTF8.self) else {
          throw Fault(description: "A text in the bytes of '\(name)' is cut off, or is not UTF-8.")
        }
        texts.append(text)
        own = own.dropFirst(length)
      }
    } else {
      guard let data = tensor["data"], let flat = flattened(data) else {
        throw tensor.wrong("data", tensor["data"], "strings, flat or nested")
      }
      texts = flat
    }
    guard !overflows, count == texts.count else {
      throw Fault(description: "The shape of '\(name)' is \(shape), but there are \(texts.count) texts.")
    }
    return texts
  }

  private static func flattened(_ value: JSONValue) -> [String]? {
    if let text = value.text { return [text] }
    guard let elements = value.elements else { return nil }
    var texts: [String] = []
    for element in elements {
      guard let own = flattened(element) else { return nil }
      texts += own
    }
    return texts
  }

  /// The reply, with binary tensors where requested.
  ///
  /// - Throws: as `AnswerWriter`.
  func reply(
    _ model: String, _ tensors: [(name: String, tensor: WireTensor)], _ writer: AnswerWriter
  ) throws -> Reply {
    var binary: [UInt8] = []
    let rows = try writer.list(tensors) { name, tensor in
      var members = [
        ("name", JSONValue.string(name).line), ("datatype", "\"\(tensor.datatype)\""),
        ("shape", JSONLine.array(tensor.shape.map { "\($0)" })),
      ]
      if outputs?[name]?.isBinary ?? isBinary {
        let own = try tensor.binary(writer)
        binary += own
        members.append(("parameters", JSONLine.object([("binary_data_size", "\(own.count)")])))
      } else {
        members.append(("data", try tensor.json(writer)))
      }
      return JSONLine.object(members)
    }
    let json = JSONLine.object(
      [("model_name", JSONValue.string(model).line), ("model_version", "\"1\"")]
        + (id.map { [("id", JSONValue.string($0).line)] } ?? []) + [("outputs", rows)])
    guard !binary.isEmpty else { return Reply(json: json) }
    var reply = Reply(bytes: Array(json.utf8) + binary, contentType: "application/octet-stream")
    reply.headers[.inferenceHeaderLength] = "\(json.utf8.count)"
    return reply
  }

  /// The requested output names, in order; nil: all.
  var wantedNames: [String]? { outputNames }
}
