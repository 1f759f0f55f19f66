import AdapterHost

/// The API of Hugging Face pipelines, as used by `InferenceClient`.
enum Pipeline {
  enum Task { case any, classification }

  /// `POST /a/NAME`, `POST /` and `POST /invocations`: the task of the head.
  static func answer(_ call: Call, task: Task = .any) async throws -> Reply {
    let body = call.body
    let parameters = try body.object("parameters") ?? Body()
    let setup = try call.setup(body.string("model"), parameters.string("adapter_id"))
    if case .object(let members)? = body["inputs"], members["source_sentence"] != nil {
      return try await similarity(call, setup, Body(members, place: "inputs."))
    }
    let asksForVectors = ["normalize", "dimensions", "truncate"].contains { body.contains($0) }
    let heads = (try? await call.app.service.answeringHeads(setup)) ?? []
    if task == .any, heads.isEmpty || asksForVectors && !heads.contains(where: { $0.settings.kind.classifiesTexts }) {
      return try await features(call, setup)
    }
    let head = try await call.head(of: setup)
    if task == .classification, !head.settings.kind.classifiesTexts {
      throw ServiceError.wrongTask(
        reason:
          "'\(head.name)' is a head for \(head.settings.kind.rawValue), and /predict classifies texts. POST / and "
          + "POST /a/NAME do the task of any head.")
    }
    let options = try PipelineOptions(parameters, head.settings)
    let (inputs, isBatch) = try inputs(call, head.settings.kind)
    if head.settings.kind == .maskedLM, let first = inputs.first(where: { !hasMask($0, call) }) {
      // Clients send a text without parameters for its vector, too.
      let fills =
        parameters.members.keys.contains { $0 != "adapter_id" }
        || inputs.contains { hasMask($0, call) || $0.text.contains("<mask>") }
      if task == .any, !fills { return try await features(call, setup) }
      throw ServiceError.input(
        index: first.index,
        reason: "the text has no \(mask(call) ?? "mask token"), which a masked language model fills.")
    }
    var reading = try call.reading()
    reading.maximumLength = options.maximumLength
    let answers = try await call.app.service.predict(
      inputs, with: setup, heads: [head.name], options: options.answers, reading: reading, terms: call.terms(setup))
    // A classification of one text is nested, because the client takes the first element of the outer list.
    let isNested = isBatch || head.settings.kind.classifiesTexts && options.answers.zeroShot == nil
    let json = try await call.written { writer in
      func row(_ prediction: Prediction) -> String { Self.json(prediction, head.settings, options) }
      return try isNested ? writer.list(answers.predictions, row) : row(answers.predictions[0])
    }
    var reply = Reply(json: json, setup, answers.timing)
    reply.describe(inputs, isBatch: isBatch)
    return reply
  }

  // MARK: Inputs

  private static func inputs(_ call: Call, _ kind: HeadKind) throws -> ([TextInput], isBatch: Bool) {
    let value = call.body["inputs"]
    if let list = value?.elements {
      try call.requireCount(list.count)
      return (try list.enumerated().map { try input($1, kind, index: $0, call) }, true)
    }
    guard let value else { throw call.body.wrong("inputs", nil, "a text, an object or a list of them") }
    return ([try input(value, kind, index: 0, call)], false)
  }

  private static func input(_ value: JSONValue, _ kind: HeadKind, index: Int, _ call: Call) throws -> TextInput {
    if let text = value.text { return TextInput(text, index: index) }
    if let texts = value.texts, texts.count == 2 { return TextInput(texts[0], pair: texts[1], index: index) }
    guard case .object(let members) = value else {
      throw call.body.wrong("inputs", value, "a text, an object or a list of them")
    }
    if let text = members["text"]?.text, let pair = members["text_pair"]?.text {
      return TextInput(text, pair: pair, index: index)
    }
    return try TextInput(members: members, index: index)
  }

  private static func mask(_ call: Call) -> String? {
    call.app.service.tokenizer.maskID.flatMap { call.app.service.tokenizer.piece(of: $0) }
  }

  private static func hasMask(_ input: TextInput, _ call: Call) -> Bool {
    guard let mask = mask(call) else { return false }
    return input.text.contains(mask) || input.pair?.contains(mask) ?? false
  }

  // MARK: Answers

  /// `[{"label": "...", "score": 0.9}, ...]`
  static func labels(_ all: [ScoredLabel], key: (first: String, second: String) = ("label", "score")) -> String {
    JSONLine.array(
      all.map { scored in
        let members = [("label", JSONValue.string(scored.label).line), ("score", JSONLine.number(scored.score))]
        return JSONLine.object(key.first == "label" ? members : members.reversed())
      })
  }

  private static func json(_ prediction: Prediction, _ settings: HeadSettings, _ options: PipelineOptions) -> String {
    let answer = prediction.answers[0].answer
    switch answer {
    case .label, .labels, .value, .zeroShot: return labels(answer.scored(settings))
    case .words(let spans), .entities(let spans):
      return JSONLine.array(spans.filter { options.keepsAllSpans || $0.label != "O" }.map { entity($0, options) })
    case .masks(let masks):
      let lists = masks.map { mask in JSONLine.array(mask.predictions.map(filling)) }
      return lists.count == 1 ? lists[0] : JSONLine.array(lists)
    case .answer(let best, let all):
      return options.answers.questions.topK > 1 ? JSONLine.array(all.map(contextAnswer)) : contextAnswer(best)
    case .choice: return answer.json(allScores: true)
    }
  }

  private static func entity(_ span: LabeledSpan, _ options: PipelineOptions) -> String {
    let key = options.answers.tagging.aggregationStrategy == AggregationStrategy.none ? "entity" : "entity_group"
    return JSONLine.object([
      (key, JSONValue.string(span.label).line), ("score", JSONLine.number(span.score)),
      ("word", JSONValue.string(span.text).line), ("start", "\(span.range.lowerBound)"),
      ("end", "\(span.range.upperBound)"),
    ])
  }

  private static func filling(_ piece: ScoredPiece) -> String {
    JSONLine.object([
      ("score", JSONLine.number(piece.score)), ("token", "\(piece.id)"),
      ("token_str", JSONValue.string(piece.text).line), ("sequence", JSONValue.string(piece.filled).line),
    ])
  }

  private static func contextAnswer(_ answer: ContextAnswer) -> String {
    JSONLine.object([
      ("answer", JSONValue.string(answer.text).line), ("score", JSONLine.number(answer.score)),
      ("start", "\(answer.range?.lowerBound ?? 0)"), ("end", "\(answer.range?.upperBound ?? 0)"),
    ])
  }

  // MARK: Vectors

  private static func features(_ call: Call, _ setup: ServedSetup) async throws -> Reply {
    let inputs = try Vectors.sources(call, "inputs")
    let normalizes = try call.body.bool("normalize") ?? call.app.service.embeddingOptions.normalize
    let dimensions = try call.body.integer("dimensions", atLeast: 1)
    let vectors = try await call.app.service.embed(
      inputs, with: setup, pooling: call.app.service.pooling(normalizes: normalizes && dimensions == nil),
      reading: call.reading(), terms: call.terms(setup))
    let rows = try vectors.vectors.map {
      Vectors.json(try Vectors.cut($0[0], to: dimensions, normalizes: normalizes))
    }
    var reply = Reply(json: JSONLine.array(rows), setup, vectors.timing)
    reply.isBatch = rows.count > 1
    return reply
  }

  private static func similarity(_ call: Call, _ setup: ServedSetup, _ inputs: Body) async throws -> Reply {
    let source = try inputs.required("source_sentence", inputs.string("source_sentence"), "a string")
    let sentences = try inputs.required("sentences", inputs.strings("sentences"), "a list of strings")
    try call.requireCount(sentences.count, "sentences")
    let vectors = try await call.app.service.embed(
      ([source] + sentences).map { .text($0) }, with: setup, pooling: call.app.service.embeddingOptions,
      reading: call.reading(),
      terms: call.terms(setup))
    let first = vectors.vectors[0][0]
    let scores = vectors.vectors.dropFirst().map { JSONLine.number($0[0].cosineSimilarity(to: first)) }
    return Reply(json: JSONLine.array(scores), setup, vectors.timing)
  }
}

extension HeadKind {
  var classifiesTexts: Bool { self == .classification || self == .multilabelClassification }
}

/// The `parameters` for one kind of head; parameters without an effect on it are refused.
struct PipelineOptions: Sendable {
  private(set) var answers = AnswerOptions()
  /// Whether words without a kind are included.
  private(set) var keepsAllSpans = false
  /// The most tokens of an input, or of a window.
  let maximumLength: Int?

  init(_ parameters: Body, _ settings: HeadSettings) throws {
    let common: Set<String> =
      settings.kind == .questionAnswering ? ["adapter_id", "max_seq_len"] : ["adapter_id", "max_length"]
    maximumLength =
      settings.kind == .questionAnswering
      ? try parameters.integer("max_seq_len", atLeast: 1) : try parameters.integer("max_length", atLeast: 1)
    let topK = try parameters.integer("top_k", atLeast: 1)
    switch settings.kind {
    case .classification, .multilabelClassification:
      let labels = try parameters.names("candidate_labels")
      try parameters.requireNothing(
        besides: common.union(
          labels == nil
            ? ["top_k", "function_to_apply"] : ["candidate_labels", "multi_label", "hypothesis_template"]))
      answers.classification.topK = topK
      answers.classification.functionToApply = try parameters.choice("function_to_apply", ScoreFunction.self)
      guard let labels else { return }
      guard (1...1000).contains(labels.count) else {
        throw parameters.wrong("candidate_labels", parameters["candidate_labels"], "1 to 1000 labels")
      }
      answers.zeroShot = try ZeroShotOptions(
        candidateLabels: labels,
        hypothesisTemplate: parameters.string("hypothesis_template") ?? ZeroShotOptions.standardTemplate,
        multiLabel: parameters.bool("multi_label") ?? false)
    case .tagging:
      try parameters.requireNothing(besides: common.union(["aggregation_strategy", "ignore_labels", "stride"]))
      answers.tagging.aggregationStrategy = try parameters.choice("aggregation_strategy", AggregationStrategy.self)
      answers.tagging.ignoreLabels = try parameters.strings("ignore_labels").map { Set($0) }
      answers.tagging.stride = try parameters.integer("stride", atLeast: 0)
      keepsAllSpans = answers.tagging.ignoreLabels != nil
    case .questionAnswering:
      try parameters.requireNothing(
        besides: common.union([
          "top_k", "doc_stride", "max_answer_len", "handle_impossible_answer", "align_to_words",
        ]))
      answers.questions.topK = topK ?? 1
      answers.questions.docStride = try parameters.integer("doc_stride", atLeast: 0)
      if let length = try parameters.integer("max_answer_len", atLeast: 1) {
        answers.questions.maxAnswerLength = length
      }
      answers.questions.handlesImpossibleAnswer = try parameters.bool("handle_impossible_answer") ?? false
      answers.questions.alignsToWords = try parameters.bool("align_to_words") ?? true
    case .maskedLM:
      try parameters.requireNothing(besides: common.union(["top_k", "targets"]))
      answers.masks = MaskOptions(topK: topK ?? MaskOptions().topK, targets: try parameters.names("targets"))
    case .multipleChoice: try parameters.requireNothing(besides: common)
    }
  }
}
