internal import Checkpoints

extension LabelVocabulary {
  /// The labels that occur, sorted; numerically, if all are integers.
  ///
  /// - Throws: ``LabelError/onlyFlags(count:)`` if the data contain flags but no label names; ``LabelError/oneFlag``,
  ///   ``LabelError/none``, ``LabelError/tooMany(limit:)``.
  public init(inferredFrom examples: some Sequence<SourceExample>) throws(LabelError) {
    var found: Set<String> = []
    var areFlags = true
    for example in examples {
      switch example.answer {
      case .label(let label):
        found.insert(label.description)
        areFlags = false
      case .labels(.listed(let labels)):
        found.formUnion(labels.map(\.description))
        areFlags = areFlags && labels.count == 1 && labels.allSatisfy { $0.flag != nil }
      case .labels(.flags(let flags)): throw .onlyFlags(count: flags.count)
      case .tags(let labels):
        found.formUnion(labels.compactMap { $0?.description })
        areFlags = false
      case .none, .value, .answers, .choice: break
      }
      guard found.count <= Limits.inferredLabels else { throw .tooMany(limit: Limits.inferredLabels) }
    }
    if areFlags, !found.isEmpty { throw .oneFlag }
    let numbers = found.compactMap { name in Int(name).map { (number: $0, name: name) } }
    let isNumeric = numbers.count == found.count
    try self.init(isNumeric ? numbers.sorted { $0 < $1 }.map(\.name) : found.sorted())
  }
}
