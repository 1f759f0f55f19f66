internal import AdapterHost
public import ArgumentParser

struct AddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Makes a fresh adapter with a head and registers it.",
    discussion: """
      Examples:
        adapter-cli add spam --config "seq_bn[reduction_factor=8]" --head classification --labels ham,spam
        adapter-cli add names --config "lora[r=4, attn_matrices=['q', 'k', 'v']]" --head tagging --num-labels 5
        adapter-cli add words --config lora --head masked_lm
        adapter-cli add stars --config ia3 --head regression

      A configuration is the name of a preset of the Python library, with changes of its fields in brackets. The \
      adapter is published next to the registry like an imported one; the same seed gives the same values.
      """)

  @Argument(help: "What to call it.") var name: String
  @Option(help: ArgumentHelp("A preset with changes.", valueName: "preset[field=value, ...]"))
  var config = "seq_bn"
  @Option(help: ArgumentHelp("What its prediction head is for; without it there is none.", valueName: "kind"))
  var head: TrainingTask?
  @Option(help: ArgumentHelp("The labels of the head, in the order of its outputs.", valueName: "a,b,c"))
  var labels: NameList?
  @Option(help: ArgumentHelp("How many labels the head has, called LABEL_0, LABEL_1, and so on.", valueName: "n"))
  var numLabels: Int?
  @Option(
    help: ArgumentHelp("Linear layers of the head; by default 1 for tagging and questions, else 2.", valueName: "n"))
  var layers: Int?
  @Option(help: ArgumentHelp("A tag; may be repeated.", valueName: "tag")) var tag: [String] = []
  @Option(help: ArgumentHelp("Notes.", valueName: "text")) var notes = ""
  @Option(help: "Where the random values start.") var seed: UInt64 = 0
  @OptionGroup(title: "Registry") var base: BaseArguments
  @OptionGroup(title: "Output") var output: ResultArguments

  func validate() throws {
    if head == nil, labels != nil || numLabels != nil || layers != nil {
      throw ValidationError("--labels, --num-labels and --layers are for a head; name its kind with --head.")
    }
    if labels != nil, numLabels != nil {
      throw ValidationError("There are --labels and --num-labels; expected one of them.")
    }
    if let numLabels, !(1...1_000_000).contains(numLabels) {
      throw ValidationError("--num-labels is \(numLabels); expected 1 to 1000000.")
    }
    if let head, labels == nil, numLabels == nil, ![.questionAnswering, .maskedLM, .regression].contains(head) {
      throw ValidationError("A head of kind \(head.rawValue) needs --labels or --num-labels.")
    }
  }

  func run() throws {
    let head = try head.map { task throws(NewHeadError) in
      try NewHead(for: task, labels: labels?.names ?? NewHead.numbered(numLabels ?? 0), layers: layers)
    }
    let adapter = NewAdapter(configuration: config, head: head, seed: seed, tags: tag, notes: notes)
    try Registry.edit(at: base.location) { registry in
      let record = try registry.addAdapter(name, adapter, of: registry.model(nameOrFolder: base.model))
      output.report(
        "Added \(record.name) (\(record.method), \(record.parameterCount.counting("parameter"))) "
          + "for \(record.model): \(record.path.belowCurrentFolder)", RegisteredItem(record).object)
    }
  }
}

extension TrainingTask: ExpressibleByArgument {}
