import AdapterHost
import Foundation
import HTTPTypes

/// The API of vLLM and OpenAI servers.
enum OpenAIRoutes {
  static let all: [Route] = [
    Route(.get, "v1/models") { try models($0) },
    Route(.post, "classify") { try await classify($0) },
    Route(.post, "score") { try await score($0) },
    Route(.post, "v1/score") { try await score($0) },
    Route(.post, "v1/rerank") { try await rerank($0) },
    Route(.post, "v2/rerank") { try await rerank($0) },
    Route(.post, "v1/embeddings") { try await embeddings($0) },
    Route(.post, "embeddings") { try await embeddings($0) },
    Route(.post, "v1/load_lora_adapter", access: .admin) { try await load($0) },
    Route(.post, "v1/unload_lora_adapter", access: .admin) { try await unload($0) },
  ]

  // MARK: Models

  private static func models(_ call: Call) throws -> Reply {
    let items = try call.app.service.items()
    let base = JSONValue.string(call.app.service.base).line
    let rows = items.map { item in
      JSONLine.object([
        ("id", JSONValue.string(item.name).line), ("object", "\"model\""), ("created", "\(item.created)"),
        ("owned_by", "\"adapter-host\""), ("root", JSONValue.string(item.root).line),
        ("parent", item.kind == .base ? "null" : base), ("max_model_len", "\(call.app.service.maximumLength)"),
        ("permission", "[]"),
      ])
    }
    return Reply(json: JSONLine.object([("object", "\"list\""), ("data", JSONLine.array(rows))]))
  }

  private static func load(_ call: Call) async throws -> Reply {
    let name = try call.body.string("lora_name") ?? ""
    let path = try call.body.string("lora_path") ?? ""
    guard !name.isEmpty, !path.isEmpty else {
      throw Failure.taken("Both 'lora_name' and 'lora_path' must be provided.")
    }
    let folder = try call.app.allowedFolder(path)
    try await call.app.service.loadAdapter(
      name, from: folder, replacing: call.body.bool("load_inplace") ?? false)
    return Reply(
      text: "Success: LoRA adapter '\(name)' added successfully.", contentType: "text/plain; charset=utf-8")
  }

  private static func unload(_ call: Call) async throws -> Reply {
    let name = try call.body.string("lora_name") ?? ""
    guard !name.isEmpty else { throw Failure.taken("'lora_name' must be provided.") }
    try await call.app.service.unloadAdapter(name)
    return Reply(
      text: "Success: LoRA adapter '\(name)' removed successfully.", contentType: "text/plain; charset=utf-8")
  }

  // MARK: Classification and scores

  private static func texts(_ call: Call, _ names: String...) throws -> [String] {
    let name = names.first { call.body.contains($0) } ?? names[0]
    let value = call.body[name]
    if let text = value?.text { return [text] }
    guard let texts = value?.texts else {
      throw call.body.wrong(name, value, "a string or a list of strings; token ids are read by /v1/embeddings alone")
    }
    try call.requireCount(texts.count, name)
    return texts
  }

  private static func reading(_ call: Call) throws -> TextService.Reading {
    guard let count = try call.body.integer("truncate_prompt_tokens", atLeast: -1) else {
      return TextService.Reading(truncates: call.app.settings.truncates)
    }
    if try call.body.string("truncation_side") ?? "right" != "right" {
      throw call.body.wrong("truncation_side", call.body["truncation_side"], "'right'")
    }
    return TextService.Reading(maximumLength: count == -1 ? 0 : max(count, 3), truncates: true)
  }

  private static func refuseSpecials(_ call: Call) throws {
    if try call.body.bool("add_special_tokens") == false {
      throw call.body.wrong("add_special_tokens", .bool(false), "true: heads read [CLS]")
    }
  }

  private static func classify(_ call: Call) async throws -> Reply {
    try refuseSpecials(call)
    let inputs = try texts(call, "input").enumerated().map { TextInput($1, index: $0) }
    let setup = try call.setup(call.body.string("model"))
    let head = try await call.head(of: setup)
    guard head.settings.kind.classifiesTexts else {
      throw ServiceError.wrongTask(
        reason:
          "'\(head.name)' is a head for \(head.settings.kind.rawValue); /classify needs one that classifies texts.")
    }
    var options = AnswerOptions()
    let activates = try call.body.bool("use_activation") ?? true
    if !activates { options.classification.functionToApply = .identity }
    let answers = try await call.app.service.predict(
      inputs, with: setup, heads: [head.name], options: options, reading: reading(call),
      terms: call.terms(setup, priority: call.body.integer("priority")))
    let rows = answers.predictions.enumerated().map { index, prediction in
      let all = prediction.answers[0].answer.inClassOrder(head.settings)
      let best = all.indices.reduce(0) { all[$1].score > all[$0].score ? $1 : $0 }
      return JSONLine.object([
        ("index", "\(index)"), ("label", JSONValue.string(all[best].label).line),
        ("probs", JSONLine.array(all.map { JSONLine.number($0.score) })), ("num_classes", "\(all.count)"),
      ])
    }
    var reply = list(call, "classify", rows, setup, answers.timing)
    reply.describe(inputs, isBatch: inputs.count > 1)
    return reply
  }

  private static func score(_ call: Call) async throws -> Reply {
    let first = try texts(call, "text_1", "queries", "data_1")
    let second = try texts(call, "text_2", "documents", "items", "data_2")
    guard first.count == 1 || first.count == second.count else {
      throw Fault(
        description: "There are \(first.count) first and \(second.count) second texts; expected one first text, or as "
          + "many.", parameter: "text_1")
    }
    let pairs = second.enumerated().map { (first.count == 1 ? first[0] : first[$0], $1) }
    let setup = try call.setup(call.body.string("model"))
    let raw = try !(call.body.bool("use_activation") ?? true)
    let (scores, timing) = try await Reranking.scores(call, pairs, setup: setup, raw: raw, reading: reading(call))
    let rows = scores.enumerated().map {
      JSONLine.object([("index", "\($0)"), ("object", "\"score\""), ("score", JSONLine.number($1))])
    }
    return list(call, "score", rows, setup, timing)
  }

  static func rerank(_ call: Call) async throws -> Reply {
    do {
      let query = try call.body.required("query", call.body.string("query"), "a string")
      let documents = try call.body.required("documents", call.body.strings("documents"), "a list of strings")
      try call.requireCount(documents.count, "documents")
      let count = try call.body.integer("top_n", atLeast: 0) ?? 0
      let (ranked, setup, timing) = try await Reranking.rank(
        call, query, documents, setup: call.setup(call.body.string("model")), raw: false, reading: reading(call))
      let rows = (count == 0 ? ranked[...] : ranked.prefix(count)).map { row in
        JSONLine.object([
          ("index", "\(row.index)"),
          ("document", JSONLine.object([("text", JSONValue.string(documents[row.index]).line)])),
          ("relevance_score", JSONLine.number(row.score)),
        ])
      }
      let json = JSONLine.object([
        ("id", "\"rerank-\(UUID().uuidString.lowercased())\""), ("model", JSONValue.string(setup.name).line),
        ("usage", JSONLine.object([("prompt_tokens", "\(timing.tokens)"), ("total_tokens", "\(timing.tokens)")])),
        ("results", JSONLine.array(rows)),
      ])
      var reply = Reply(json: json, setup, timing)
      reply.isBatch = true
      return reply
    } catch { throw FamilyError(family: .openAI, error: error) }
  }

  private static func list(
    _ call: Call, _ kind: String, _ rows: [String], _ setup: ServedSetup, _ timing: TextService.Timing
  ) -> Reply {
    let json = JSONLine.object([
      ("id", "\"\(kind)-\(UUID().uuidString.lowercased())\""), ("object", "\"list\""),
      ("created", "\(Int(Date().timeIntervalSince1970))"), ("model", JSONValue.string(setup.name).line),
      ("data", JSONLine.array(rows)),
      (
        "usage",
        JSONLine.object([
          ("prompt_tokens", "\(timing.tokens)"), ("total_tokens", "\(timing.tokens)"), ("completion_tokens", "0"),
        ])
      ),
    ])
    return Reply(json: json, setup, timing)
  }

  // MARK: Vectors

  private static func embeddings(_ call: Call) async throws -> Reply {
    let inputs = try Vectors.sources(call, "input")
    let format = try call.body.string("encoding_format") ?? "float"
    guard format == "float" || format == "base64" else {
      throw call.body.wrong("encoding_format", call.body["encoding_format"], "'float' or 'base64'")
    }
    let setup = try call.setup(call.body.string("model"))
    let dimensions = try call.body.integer("dimensions", atLeast: 1)
    let vectors = try await call.app.service.embed(
      inputs, with: setup, pooling: call.app.service.pooling(normalizes: dimensions == nil),
      reading: TextService.Reading(truncates: call.app.settings.truncates), terms: call.terms(setup))
    let rows = try await call.written { writer in
      try writer.list(vectors.vectors.enumerated()) { index, tokens in
        let vector = try Vectors.cut(tokens[0], to: dimensions, normalizes: true)
        return JSONLine.object([
          ("object", "\"embedding\""), ("embedding", format == "float" ? Vectors.json(vector) : base64(vector)),
          ("index", "\(index)"),
        ])
      }
    }
    let tokens = vectors.timing.tokens
    let json = JSONLine.object([
      ("object", "\"list\""), ("data", rows), ("model", JSONValue.string(setup.name).line),
      ("usage", JSONLine.object([("prompt_tokens", "\(tokens)"), ("total_tokens", "\(tokens)")])),
    ])
    var reply = Reply(json: json, setup, vectors.timing)
    reply.isBatch = inputs.count > 1
    return reply
  }

  /// Little-endian float32.
  private static func base64(_ vector: [Float]) -> String {
    var bytes = Data(capacity: vector.count * 4)
    for value in vector { withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) } }
    return "\"\(bytes.base64EncodedString())\""
  }
}

extension Answer {
  /// The labels of a classification with their scores, in output order.
  fileprivate func inClassOrder(_ settings: HeadSettings) -> [ScoredLabel] {
    switch self {
    case .label(_, let all), .labels(_, let all): all
    default: scored(settings)
    }
  }
}
