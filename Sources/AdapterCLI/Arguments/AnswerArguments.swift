public import AdapterHost
public import ArgumentParser

/// How heads' outputs become answers; the options match those of transformers' pipelines.
struct AnswerArguments: ParsableArguments {
  @Flag(help: "Give the scores of all labels.") var scores = false
  @Option(
    help: ArgumentHelp(
      "Give the best k labels of a classification, answers to a question, or pieces for a [MASK], highest first.",
      valueName: "k"))
  var topK: Int?
  @Option(
    help: ArgumentHelp(
      "What makes scores of a classification's outputs; by default what its head was trained with.",
      valueName: "function"))
  var functionToApply: ScoreFunction?
  @Option(
    help: ArgumentHelp(
      "The score above which a label of a multi-label head applies; by default its own, or 0.5.", valueName: "score"))
  var threshold: Float?
  @Option(
    help: ArgumentHelp(
      "How labels of tokens become spans, as the aggregation_strategy of transformers; by default whole words labeled "
        + "by their first token.", valueName: "strategy"))
  var aggregation: AggregationStrategy?
  @Option(
    help: ArgumentHelp(
      "Labels of tokens that get no span, in place of O: kinds without prefix, with --aggregation none labels as they "
        + "are. --ignore-labels= leaves nothing out.", valueName: "a,b"))
  var ignoreLabels: NamesOrNone?
  @Option(
    help: ArgumentHelp(
      "The tokens that windows over a long text share. Without it a text for a tagging head is cut, and windows over a "
        + "question's context share half a window, 128 tokens at most.", valueName: "n"))
  var stride: Int?
  @Option(help: ArgumentHelp("The most tokens of an answer to a question; by default 15.", valueName: "n"))
  var maxAnswerLength: Int?
  @Flag(help: "Let 'the context does not answer' be one of the answers to a question.") var noAnswer = false
  @Flag(help: "Give answers from token to token, not as whole words.") var noAlignToWords = false
  @Option(
    help: ArgumentHelp(
      "The only pieces to consider for a [MASK]; ▁ marks one that begins a word. The first piece of any other text "
        + "counts.", valueName: "a,b"))
  var targets: NameList?
  @Option(
    help: ArgumentHelp(
      "Classify by these labels with a head for natural language inference, which has a label of entailment.",
      valueName: "a,b,c"))
  var zeroShot: NameList?
  @Option(
    help: ArgumentHelp(
      "The hypothesis that --zero-shot makes of a label, in the place of {}; by default "
        + "'\(ZeroShotOptions.standardTemplate)'", valueName: "template"))
  var hypothesisTemplate: String?
  @Flag(help: "Score each label of --zero-shot by itself, so that any number may apply.") var multiLabel = false

  func validate() throws {
    try require("--top-k", topK, atLeast: 1)
    try require("--stride", stride, atLeast: 0)
    try require("--max-answer-length", maxAnswerLength, atLeast: 1)
    if let threshold, !threshold.isFinite { throw ValidationError("--threshold is \(threshold); expected a number.") }
    if zeroShot == nil, hypothesisTemplate != nil || multiLabel {
      throw ValidationError(
        "\(hypothesisTemplate != nil ? "--hypothesis-template" : "--multi-label") is for --zero-shot, which names the "
          + "labels.")
    }
    do { _ = try options } catch { throw ValidationError("\(error)") }
  }

  private func require(_ name: String, _ value: Int?, atLeast least: Int) throws {
    if let value, value < least { throw ValidationError("\(name) is \(value); expected \(least) or more.") }
  }

  /// The options set by the flags.
  var options: AnswerOptions {
    get throws(ZeroShotError) {
      var options = AnswerOptions()
      options.classification = ClassificationOptions(
        topK: topK, functionToApply: functionToApply, threshold: threshold)
      options.tagging = TaggingOptions(
        aggregationStrategy: aggregation, ignoreLabels: ignoreLabels.map { Set($0.names) }, stride: stride)
      options.questions = QuestionOptions(
        topK: topK ?? 1, maxAnswerLength: maxAnswerLength ?? QuestionOptions().maxAnswerLength,
        handlesImpossibleAnswer: noAnswer, alignsToWords: !noAlignToWords, docStride: stride)
      options.masks = MaskOptions(topK: topK ?? MaskOptions().topK, targets: targets?.names)
      if let zeroShot {
        options.zeroShot = try ZeroShotOptions(
          candidateLabels: zeroShot.names, hypothesisTemplate: hypothesisTemplate ?? ZeroShotOptions.standardTemplate,
          multiLabel: multiLabel)
      }
      return options
    }
  }

  /// Refuses options without an effect because no answering head is of their kind.
  ///
  /// - Throws: ``IdleOption``.
  func requireEffect(on heads: [(name: String, settings: HeadSettings)]) throws(IdleOption) {
    let isEntailed = { (settings: HeadSettings) in zeroShot != nil && EntailmentOutputs(settings) != nil }
    let classifies = { (settings: HeadSettings) in
      [.classification, .multilabelClassification].contains(settings.kind) && !isEntailed(settings)
    }
    let tags = { (settings: HeadSettings) in settings.kind == .tagging }
    let asks = { (settings: HeadSettings) in settings.kind == .questionAnswering }
    let fills = { (settings: HeadSettings) in settings.kind == .maskedLM }
    let options: [(name: String, isGiven: Bool, purpose: String, acts: (HeadSettings) -> Bool)] = [
      (
        "--top-k", topK != nil, "heads that classify, answer questions or fill masks",
        { classifies($0) && !$0.givesValue || asks($0) || fills($0) }
      ),
      (
        "--function-to-apply", functionToApply != nil, "heads that classify",
        { classifies($0) && !($0.givesValue && functionToApply == .softmax) }
      ),
      (
        "--threshold", threshold != nil, "heads of several labels that apply each by itself",
        { classifies($0) && $0.kind == .multilabelClassification }
      ),
      ("--aggregation", aggregation != nil, "heads that label words", tags),
      ("--ignore-labels", ignoreLabels != nil, "heads that label words", tags),
      ("--stride", stride != nil, "heads that label words or answer questions", { tags($0) || asks($0) }),
      ("--max-answer-length", maxAnswerLength != nil, "heads that answer questions", asks),
      ("--no-answer", noAnswer, "heads that answer questions", asks),
      ("--no-align-to-words", noAlignToWords, "heads that answer questions", asks),
      ("--targets", targets != nil, "masked language models", fills),
    ]
    for option in options where option.isGiven && !heads.contains(where: { option.acts($0.settings) }) {
      throw IdleOption(option: option.name, purpose: option.purpose, heads: heads.map { ($0.name, $0.settings.kind) })
    }
  }
}

/// An option that affects no answering head.
struct IdleOption: Error, CustomStringConvertible {
  let option: String
  let purpose: String
  let heads: [(name: String, kind: HeadKind)]

  var description: String {
    let answering = heads.map { "'\($0.name)' (\($0.kind.rawValue))" }.joined(separator: ", ")
    return "\(option) is for \(purpose), and changes nothing here: what answers is \(answering). Leave it out, or name "
      + "other heads with --adapter, --setup or --active-heads."
  }
}

/// Comma-separated names, or none.
struct NamesOrNone: ExpressibleByArgument {
  let names: [String]

  init?(argument: String) {
    guard !argument.isEmpty else {
      names = []
      return
    }
    guard let list = NameList(argument: argument) else { return nil }
    names = list.names
  }
}

extension ScoreFunction: ExpressibleByArgument {}
extension AggregationStrategy: ExpressibleByArgument {}
