import AdapterHost
import HTTPTypes

/// The server's own routes: all heads at once, several adapters for one text.
enum PredictRoutes {
  static let all: [Route] = [
    Route(.post, "api/predict") { try await predict($0) },
    Route(.get, "api/models") { try await models($0) },
    Route(.post, "", isPerAdapter: true) { try await Pipeline.answer($0) },
    Route(.post, "invocations") { try await Pipeline.answer($0) },
  ]

  private static let known: Set<String> = [
    "inputs", "setup", "model", "heads", "adapters", "max_length", "truncate", "scores", "top_k", "function_to_apply",
    "threshold", "aggregation", "ignore_labels", "stride", "max_answer_length", "no_answer", "no_align_to_words",
    "targets", "zero_shot", "hypothesis_template", "multi_label",
  ]

  /// `POST /api/predict`: the output of `adapter-cli predict --json` for each text.
  private static func predict(_ call: Call) async throws -> Reply {
    // Flags have hyphens, JSON members have underscores; both are accepted.
    let members = call.body.members.map { ($0.key.replacing("-", with: "_"), $0.value) }
    let body = Body(Dictionary(members) { first, _ in first })
    try body.requireNothing(besides: known)
    let inputs = try inputs(body, call)
    let options = try options(body)
    let (showsScores, ranks) = (try body.bool("scores") ?? false, try body.integer("top_k") != nil)
    let reading = TextService.Reading(
      maximumLength: try body.integer("max_length", atLeast: 0),
      truncates: try body.bool("truncate") ?? call.app.settings.truncates)
    let heads = try body.names("heads")
    func answers(_ inputs: [TextInput], _ setup: ServedSetup) async throws -> TextService.Answers {
      try await call.app.service.predict(
        inputs, with: setup, heads: heads, options: options, reading: reading, terms: call.terms(setup))
    }
    @Sendable func line(_ prediction: Prediction) -> String {
      prediction.json(allScores: showsScores, ranking: ranks)
    }
    if let names = try body.strings("adapters") {
      guard try body.string("setup") == nil, try body.string("model") == nil, !names.isEmpty else {
        throw Fault(
          description: "'adapters' names what answers each text; leave 'setup' and 'model' out, and name one "
            + "adapter or more.", parameter: "adapters")
      }
      try call.requireCount(names.count, "adapters")
      guard Set(names).count == names.count else {
        throw Fault(description: "'adapters' names an adapter twice; each answers once.", parameter: "adapters")
      }
      if let own = inputs.first(where: { $0.setup != nil }) {
        throw Fault(
          description: "Input \(own.index) names its adapter, and 'adapters' does, too; expected one of them.",
          parameter: "adapters")
      }
      let setups = try names.map { try call.app.service.setup($0) }
      // A single request: the rows of all adapters share passes.
      let rows = inputs.flatMap { input in
        setups.map { setup in
          var row = input
          row.setup = setup.composition
          return row
        }
      }
      let base = setups.first { $0.composition == nil } ?? setups[0]
      let own = try await answers(rows, base)
      let count = inputs.count
      let json = try await call.written { writer in
        try writer.list(0..<count) { input in
          JSONLine.object(names.indices.map { (names[$0], line(own.predictions[input * names.count + $0])) })
        }
      }
      var reply = Reply(json: JSONLine.object([("answers", json)]), nil, own.timing)
      reply.describe(rows, isBatch: true)
      return reply
    }
    let setup = try call.setup(body.string("setup"), body.string("model"))
    let own = try await answers(inputs, setup)
    let json = try await call.written { try $0.list(own.predictions, line) }
    var reply = Reply(json: JSONLine.object([("answers", json)]), setup, own.timing)
    reply.describe(inputs, isBatch: inputs.count > 1)
    return reply
  }

  private static func inputs(_ body: Body, _ call: Call) throws -> [TextInput] {
    let value = body["inputs"]
    let elements = value?.elements ?? value.map { [$0] }
    guard let elements else {
      throw body.wrong("inputs", nil, "texts or objects, as 'adapter-cli predict' reads lines")
    }
    try call.requireCount(elements.count)
    return try elements.enumerated().map { index, element in
      if let text = element.text { return TextInput(text, index: index) }
      guard case .object(let members) = element else {
        throw body.wrong("inputs", value, "texts or objects, as 'adapter-cli predict' reads lines")
      }
      return try TextInput(members: members, index: index)
    }
  }

  private static func options(_ body: Body) throws -> AnswerOptions {
    var options = AnswerOptions()
    let topK = try body.integer("top_k", atLeast: 1)
    options.classification = ClassificationOptions(
      topK: topK, functionToApply: try body.choice("function_to_apply", ScoreFunction.self),
      threshold: try body.number("threshold").map { Float($0) })
    let stride = try body.integer("stride", atLeast: 0)
    options.tagging = TaggingOptions(
      aggregationStrategy: try body.choice("aggregation", AggregationStrategy.self),
      ignoreLabels: try body.names("ignore_labels").map { Set($0) }, stride: stride)
    options.questions = QuestionOptions(
      topK: topK ?? 1,
      maxAnswerLength: try body.integer("max_answer_length", atLeast: 1) ?? QuestionOptions().maxAnswerLength,
      handlesImpossibleAnswer: try body.bool("no_answer") ?? false,
      alignsToWords: try !(body.bool("no_align_to_words") ?? false), docStride: stride)
    options.masks = MaskOptions(topK: topK ?? MaskOptions().topK, targets: try body.names("targets"))
    if let labels = try body.names("zero_shot") {
      guard (1...1000).contains(labels.count) else {
        throw body.wrong("zero_shot", body["zero_shot"], "1 to 1000 labels")
      }
      options.zeroShot = try ZeroShotOptions(
        candidateLabels: labels,
        hypothesisTemplate: body.string("hypothesis_template") ?? ZeroShotOptions.standardTemplate,
        multiLabel: body.bool("multi_label") ?? false)
    }
    return options
  }

  /// All served names, for the page.
  private static func models(_ call: Call) async throws -> Reply {
    let rows = try call.app.service.items().map { item in
      JSONLine.object([
        ("name", JSONValue.string(item.name).line), ("kind", "\"\(item.kind.rawValue)\""),
        ("method", item.method.map { JSONValue.string($0).line } ?? "null"),
        ("task", item.head.map { JSONValue.string($0.kind).line } ?? "null"),
        ("labels", JSONLine.strings(item.head?.labels ?? [])),
        ("parameters", item.parameterCount.map { "\($0)" } ?? "null"), ("metrics", item.metrics ?? "null"),
        ("active", "\(item.isActive)"), ("digest", item.digest.map { "\"\($0)\"" } ?? "null"),
        ("expression", item.kind == .setup ? JSONValue.string(item.root).line : "null"),
      ])
    }
    let active = try call.app.service.setup(nil)
    return Reply(
      json: JSONLine.object([("active", JSONValue.string(active.name).line), ("models", JSONLine.array(rows))]))
  }
}
