import AdapterHost
import HTTPTypes

/// The API of text-embeddings-inference.
enum TEIRoutes {
  static let all: [Route] = [
    Route(.post, "predict", isPerAdapter: true) { try await predict($0) },
    Route(.post, "rerank", isPerAdapter: true) { call in
      if call.body.contains("documents") { return try await OpenAIRoutes.rerank(call) }
      return try await rerank(call)
    },
    Route(.post, "embed", isPerAdapter: true) { try await embed($0, pools: true) },
    Route(.post, "embed_all", isPerAdapter: true) { try await embed($0, pools: false) },
    Route(.post, "tokenize", isPerAdapter: true) { try await tokenize($0) },
    Route(.post, "decode", isPerAdapter: true) { try await decode($0) },
    Route(.get, "info", isPerAdapter: true) { try await info($0) },
  ]

  // MARK: Classification

  /// `POST /predict`: in the pipeline format if there are `parameters`, else in TEI's.
  private static func predict(_ call: Call) async throws -> Reply {
    if call.body.contains("parameters") { return try await Pipeline.answer(call, task: .classification) }
    let (inputs, isBatch) = try texts(call)
    let setup = try call.setup(call.body.string("model"))
    let head = try await call.head(of: setup)
    guard head.settings.kind == .classification || head.settings.kind == .multilabelClassification else {
      throw ServiceError.wrongTask(
        reason:
          "'\(head.name)' is a head for \(head.settings.kind.rawValue), and /predict classifies texts. POST / and "
          + "POST /a/NAME do the task of any head.")
    }
    var options = AnswerOptions()
    if try call.body.bool("raw_scores") ?? false { options.classification.functionToApply = .identity }
    let answers = try await call.app.service.predict(
      inputs, with: setup, heads: [head.name], options: options, reading: call.reading(), terms: call.terms(setup))
    let json = try await call.written { writer in
      func row(_ prediction: Prediction) -> String {
        Pipeline.labels(prediction.answers[0].answer.scored(head.settings), key: ("score", "label"))
      }
      return try isBatch ? writer.list(answers.predictions, row) : row(answers.predictions[0])
    }
    var reply = Reply(json: json, setup, answers.timing)
    reply.describe(inputs, isBatch: isBatch)
    return reply
  }

  /// TEI's inputs: a text, a pair as a list of two, or a list of lists of one or two.
  private static func texts(_ call: Call) throws -> ([TextInput], isBatch: Bool) {
    let value = call.body["inputs"]
    if let text = value?.text { return ([TextInput(text)], false) }
    if let texts = value?.texts {
      if texts.isEmpty { try call.requireCount(0) }
      guard texts.count <= 2 else {
        throw Fault(
          description: "'inputs' is a list of \(texts.count) strings, which is neither a text nor a pair. A batch is a "
            + "list of lists: [[\"one\"], [\"another\"]].", parameter: "inputs")
      }
      return ([TextInput(texts[0], pair: texts.count == 2 ? texts[1] : nil)], false)
    }
    guard let lists = value?.elements else {
      throw call.body.wrong("inputs", value, "a string, or a list of lists of one or two strings")
    }
    try call.requireCount(lists.count)
    let inputs = try lists.enumerated().map { index, element in
      guard let texts = element.texts, (1...2).contains(texts.count) else {
        throw Fault(
          description: "'inputs[\(index)]' is \(element.brief); expected a list of one or two strings.",
          parameter: "inputs")
      }
      return TextInput(texts[0], pair: texts.count == 2 ? texts[1] : nil, index: index)
    }
    return (inputs, true)
  }

  /// `POST /rerank`: the texts sorted by score.
  private static func rerank(_ call: Call) async throws -> Reply {
    let query = try call.body.required("query", call.body.string("query"), "a string")
    let texts = try call.body.required("texts", call.body.strings("texts"), "a list of strings")
    try call.requireCount(texts.count, "texts")
    let (ranked, setup, timing) = try await Reranking.rank(
      call, query, texts, setup: call.setup(call.body.string("model")),
      raw: call.body.bool("raw_scores") ?? false, reading: call.reading())
    let returnsText = try call.body.bool("return_text") ?? false
    let rows = ranked.map { row in
      JSONLine.object(
        [("index", "\(row.index)")] + (returnsText ? [("text", JSONValue.string(texts[row.index]).line)] : [])
          + [("score", JSONLine.number(row.score))])
    }
    var reply = Reply(json: JSONLine.array(rows), setup, timing)
    reply.characters = texts.reduce(query.count * texts.count) { $0 + $1.count }
    reply.isBatch = true
    return reply
  }

  // MARK: Vectors

  private static func embed(_ call: Call, pools: Bool) async throws -> Reply {
    try refusePrompt(call)
    let inputs = try Vectors.sources(call, "inputs")
    let setup = try call.setup(call.body.string("model"))
    let normalizes = pools ? try call.body.bool("normalize") ?? true : false
    let dimensions = try call.body.integer("dimensions", atLeast: 1)
    let vectors = try await call.app.service.embed(
      inputs, with: setup, pooling: pools ? call.app.service.pooling(normalizes: normalizes && dimensions == nil) : nil,
      reading: call.reading(), terms: call.terms(setup))
    let json = try await call.written { writer in
      try writer.list(vectors.vectors) { tokens in
        func row(_ vector: [Float]) throws -> String {
          try writer.list(Vectors.cut(vector, to: dimensions, normalizes: normalizes))
        }
        return try pools ? row(tokens[0]) : writer.list(tokens, row)
      }
    }
    var reply = Reply(json: json, setup, vectors.timing)
    reply.isBatch = inputs.count > 1
    return reply
  }

  private static func refusePrompt(_ call: Call) throws {
    if let name = try call.body.string("prompt_name") {
      throw Fault(description: "'prompt_name' is '\(name)'; this model has no prompts.", parameter: "prompt_name")
    }
  }

  // MARK: Tokens

  private static func tokenize(_ call: Call) async throws -> Reply {
    try refusePrompt(call)
    let value = call.body["inputs"]
    guard let texts = value?.text.map({ [$0] }) ?? value?.texts else {
      throw call.body.wrong("inputs", value, "a string or a list of strings")
    }
    try call.requireCount(texts.count)
    let setup = try call.setup(call.body.string("model"))
    let adds = try call.body.bool("add_special_tokens") ?? true
    let encodings = try await call.app.service.tokenize(texts)
    try call.caller.charge(encodings.reduce(0) { $0 + $1.ids.count })
    let json = try await call.written { writer in
      try writer.list(encodings) { encoding in
        try writer.list(encoding.ids.indices.lazy.filter { adds || encoding.sequence[$0] != nil }) { token in
          let isSpecial = encoding.sequence[token] == nil
          let range = encoding.offsets[token]
          return JSONLine.object([
            ("id", "\(encoding.ids[token])"), ("text", JSONValue.string(encoding.tokens[token]).line),
            ("special", "\(isSpecial)"), ("start", isSpecial ? "null" : "\(range.lowerBound)"),
            ("stop", isSpecial ? "null" : "\(range.upperBound)"),
          ])
        }
      }
    }
    return Reply(json: json, setup)
  }

  private static func decode(_ call: Call) async throws -> Reply {
    let value = call.body["ids"]
    let lists = value?.integers.map { [$0] } ?? value?.elements?.compactMap(\.integers)
    guard let lists, lists.count == value?.integers.map({ _ in 1 }) ?? value?.elements?.count else {
      throw call.body.wrong("ids", value, "a list of token ids, or a list of such lists")
    }
    try call.requireCount(lists.count, "ids")
    let skips = try call.body.bool("skip_special_tokens") ?? true
    let setup = try call.setup(call.body.string("model"))
    try call.caller.charge(lists.reduce(0) { $0 + $1.count })
    let texts = try await call.app.service.decode(lists, skippingSpecials: skips)
    return Reply(json: try await call.written { try $0.list(texts) { JSONValue.string($0).line } }, setup)
  }

  // MARK: Information

  private static func info(_ call: Call) async throws -> Reply {
    let setup = try call.setup()
    let heads = (try? await call.app.service.answeringHeads(setup)) ?? []
    let wanted = try call.headName().flatMap { name in heads.first { $0.name == name } } ?? heads.first
    let app = call.app
    let json = JSONLine.object([
      ("model_id", JSONValue.string(setup.name).line), ("model_sha", JSONValue.string(setup.digest).line),
      ("model_dtype", "\"float32\""), ("served_model_name", JSONValue.string(setup.name).line),
      ("model_type", modelType(wanted)), ("max_concurrent_requests", "\(app.settings.maximumConnections)"),
      ("max_input_length", "\(app.service.maximumLength)"), ("max_batch_tokens", "\(app.service.engine.budget)"),
      ("max_batch_requests", "null"), ("max_client_batch_size", "\(app.settings.maximumInputs)"),
      ("auto_truncate", "\(app.settings.truncates)"), ("tokenization_workers", "\(app.service.workerCount)"),
      ("compute_threads", "\(app.threads)"), ("version", JSONValue.string(ProgramVersion.current).line),
      ("sha", "null"), ("docker_label", "null"), ("heads", JSONLine.strings(heads.map(\.name))),
    ])
    return Reply(json: json, setup)
  }

  private static func modelType(_ head: TextService.AnsweringHead?) -> String {
    guard let head, head.settings.kind != .maskedLM else {
      return JSONLine.object([("embedding", JSONLine.object([("pooling", "\"mean\"")]))])
    }
    let labels = head.settings.labelNames
    let names = labels.enumerated().map { ("\($0)", JSONValue.string($1).line) }
    let ids = labels.enumerated().map { ($1, "\($0)") }
    let kind = head.settings.givesValue ? "reranker" : "classifier"
    return JSONLine.object([
      (kind, JSONLine.object([("id2label", JSONLine.object(names)), ("label2id", JSONLine.object(ids))]))
    ])
  }
}

extension Reply {
  mutating func describe(_ inputs: [TextInput], isBatch: Bool) {
    characters = inputs.reduce(0) { $0 + $1.text.count + ($1.pair?.count ?? 0) }
    self.isBatch = isBatch
  }
}

extension Answer {
  /// The labels of a classification with their scores, highest first.
  func scored(_ settings: HeadSettings) -> [ScoredLabel] {
    switch self {
    case .label(_, let all), .labels(_, let all):
      all.enumerated().sorted { ($0.element.score, $1.offset) > ($1.element.score, $0.offset) }.map(\.element)
    case .value(let value): [ScoredLabel(label: settings.labelNames.first ?? "LABEL_0", score: value)]
    case .zeroShot(let all): all
    default: []
    }
  }
}
