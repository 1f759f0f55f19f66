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
