extension [SourceExample] {
  /// The examples with names in the place of numbers, where the numbers of the data are places of labels.
  ///
  /// - Throws: ``LabelError/ambiguous(_:)``.
  func naming(_ vocabulary: LabelVocabulary) throws(LabelError) -> [SourceExample] {
    var numbers: Set<Int> = []
    for example in self { for case .number(let number) in example.answer.givenLabels { numbers.insert(number) } }
    guard !numbers.isEmpty, try !vocabulary.namesNumbers(numbers) else { return self }
    return map { example in
      SourceExample(
        line: example.line, content: example.content,
        answer: example.answer.mapLabels { label in
          guard case .number(let number) = label, vocabulary.names.indices.contains(number) else { return label }
          return .name(vocabulary.names[number])
        })
    }
  }

  /// Whether every list of labels is a single 0 or 1, as the cells of a column of flags are.
  var areBareFlags: Bool {
    count > 1
      && allSatisfy { example in
        guard case .labels(.listed(let labels)) = example.answer else { return false }
        return labels.count == 1 && labels[0].flag != nil
      }
  }

  /// Whether every sentence is one word, as where each row of a table holds a word.
  var areSingleWords: Bool {
    count > 1
      && allSatisfy { example in
        if case .words(let sentence) = example.content { sentence.ranges.count == 1 } else { false }
      }
  }

  /// The examples of a multi-label data set, with numbers read as flags if all of them are flags.
  ///
  /// Lists of equal length with only 0 and 1 are flags if some list repeats a number, since no label applies twice. For
  /// lists of two, which would then name both labels each, it is enough that no other labels are known.
  /// - Parameters:
  ///   - known: the number of labels; nil if the data decide.
  ///   - path: the path of the examples.
  /// - Returns: the usable examples, and a fault for each list that repeats a label.
  func resolvingFlags(known: Int?, path: String) -> (examples: [SourceExample], faults: [DataFault]) {
    let flags = map(\.answer.flags)
    let lengths = Set(flags.map { $0?.count })
    if let only = lengths.first, let length = only, lengths.count == 1, length > 1,
      length > 2 || known ?? 2 == 2 || contains(where: \.answer.namesOneTwice)
    {
      let resolved = zip(self, flags).map { example, flags in
        SourceExample(line: example.line, content: example.content, answer: .labels(.flags(flags ?? [])))
      }
      return (resolved, [])
    }
    let faults = filter(\.answer.namesOneTwice).map {
      DataFault(path: path, line: $0.line, reason: "a label is named twice; each applies or does not.")
    }
    return (filter { !$0.answer.namesOneTwice }, faults)
  }
}

extension SourceExample.Answer {
  fileprivate var givenLabels: [GivenLabel] {
    switch self {
    case .label(let label): [label]
    case .labels(.listed(let labels)): labels
    case .tags(let labels): labels.compactMap(\.self)
    default: []
    }
  }

  fileprivate func mapLabels(_ change: (GivenLabel) -> GivenLabel) -> SourceExample.Answer {
    switch self {
    case .label(let label): .label(change(label))
    case .labels(.listed(let labels)): .labels(.listed(labels.map(change)))
    case .tags(let labels): .tags(labels.map { $0.map(change) })
    default: self
    }
  }

  /// Labels as flags, if possible: true and false, or 0 and 1.
  fileprivate var flags: [Bool]? {
    switch self {
    case .labels(.flags(let flags)): return flags
    case .labels(.listed(let labels)):
      let flags = labels.compactMap { $0 == .number(0) ? false : $0 == .number(1) ? true : nil }
      return flags.count == labels.count ? flags : nil
    default: return nil
    }
  }

  fileprivate var namesOneTwice: Bool {
    guard case .labels(.listed(let labels)) = self else { return false }
    return Set(labels.map(\.description)).count < labels.count
  }
}
