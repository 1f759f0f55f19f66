// The rows that parts of a composition apply to, and the heads that answer them.

extension Composition {
  /// The composition of each row after resolving the blocks that select rows, for each repetition made by Parallel.
  ///
  /// - Throws: `CompositionError.rows`, if the sizes of a BatchSplit do not match; `.channels`, if a block contains two
  ///   Parallel blocks of different sizes.
  public func repetitions(rows: Int) throws(CompositionError) -> [[Composition]] {
    switch self {
    case .adapter: return [Array(repeating: self, count: rows)]
    case .parallel(let children):
      var all: [[Composition]] = []
      for child in children { all += try child.repetitions(rows: rows) }
      return all
    case .batchSplit(let children, let sizes):
      guard sizes.reduce(0, +) == rows else { throw .rows(expected: sizes.reduce(0, +), found: rows) }
      var all: [Composition] = []
      for (child, size) in zip(children, sizes) { all += try child.repetitions(rows: size)[0] }
      return [all]
    case .stack(let children):
      return try Self.merged(children, rows: rows) { $0.count == 1 ? $0[0] : .stack($0) }
    case .split(let children, let sizes):
      return try Self.merged(children, rows: rows) { .split($0, sizes: sizes) }
    case .fuse(let children, let name): return try Self.merged(children, rows: rows) { .fuse($0, name: name) }
    case .average(let children, let weights):
      return try Self.merged(children, rows: rows) { .average($0, weights: weights) }
    case .sum(let children): return try Self.merged(children, rows: rows) { .sum($0) }
    case .multiTask: throw .noTasks
    }
  }

  /// Combines the children's rows; a child without Parallel is used for every repetition.
  private static func merged(
    _ children: [Composition], rows: Int, _ merge: ([Composition]) -> Composition
  ) throws(CompositionError) -> [[Composition]] {
    var parts: [[[Composition]]] = []
    for child in children { parts.append(try child.repetitions(rows: rows)) }
    let count = parts.reduce(1) { max($0, $1.count) }
    if let odd = parts.first(where: { $0.count != 1 && $0.count != count }) {
      throw .channels(first: odd.count, second: count)
    }
    return (0..<count).map { repetition in
      (0..<rows).map { row in merge(parts.map { $0[$0.count == 1 ? 0 : repetition][row] }) }
    }
  }

  /// The composition of each repetition of a single text.
  ///
  /// - Throws: `CompositionError`, also for BatchSplit, which needs the rows of a batch.
  public func branches() throws(CompositionError) -> [Composition] {
    guard !splitsBatches else {
      throw .unsupported(
        block: "BatchSplit",
        what: "texts that come one by one: it counts the rows of a batch. Name each text's adapter instead")
    }
    return try repetitions(rows: 1).map { $0[0] }
  }

  private var splitsBatches: Bool {
    if case .batchSplit = self { return true }
    return children.contains(where: \.splitsBatches)
  }

  /// The name of the head for a row with this composition: that of its last adapter; a Fuse has a separate head, named
  /// after its fusion.
  ///
  /// Blocks that select rows are resolved first, by `repetitions` or `branches`.
  public var head: String {
    switch self {
    case .adapter(let name): name
    case .fuse: fusion?.name ?? ""
    case .stack(let children), .split(let children, _), .average(let children, _), .sum(let children),
      .parallel(let children), .batchSplit(let children, _), .multiTask(let children):
      children.last?.head ?? ""
    }
  }
}

/// A head's share of the answers to a batch.
public struct AnsweringHead: Hashable, Sendable {
  /// The label of the answer: the head's name; `a#2` for the second answer of a head in one call.
  public let label: String
  public let head: String
  /// The rows that it answers, including repetitions.
  public let rows: [Int]

  public init(label: String, head: String, rows: [Int]) {
    self.label = label
    self.head = head
    self.rows = rows
  }
}

extension AnsweringHead {
  /// The heads that follow each row's adapters, in the order of the composition; a head has one answer per repetition.
  ///
  /// - Parameters:
  ///   - repetitions: the composition of each row; nil is the base model, whose head is called `default`.
  ///   - named: the name of the head that follows a given adapter or fusion; nil if there is none: rows without a head
  ///     have no answer.
  public static func following(
    _ repetitions: [[Composition?]], named: (String) -> String?
  ) -> [AnsweringHead] {
    var found: [(head: String, rows: [Int])] = []
    var start = 0
    for rows in repetitions {
      var heads: [String] = []
      var members: [String: [Int]] = [:]
      for (row, composition) in rows.enumerated() {
        let head = composition?.head ?? "default"
        if members[head] == nil { heads.append(head) }
        members[head, default: []].append(start + row)
      }
      found += heads.compactMap { name in named(name).map { ($0, members[name] ?? []) } }
      start += rows.count
    }
    return labelled(found)
  }

  /// Heads requested by name, in the order of the names.
  ///
  /// Each answers all rows. With several repetitions, the j-th head answers the j-th one; if the numbers differ, each
  /// head answers the repetitions that it follows, and the others have no answer.
  /// - Parameters:
  ///   - names: of heads.
  ///   - repetitions: the composition of each row, as for `following`.
  ///   - named: the head that follows an adapter or fusion, as for `following`.
  /// - Returns: nil, if a head does not follow any of several repetitions.
  public static func requested(
    _ names: [String], _ repetitions: [[Composition?]], named: (String) -> String?
  ) -> [AnsweringHead]? {
    let rows = repetitions.first?.count ?? 0
    guard repetitions.count > 1, !names.isEmpty else {
      return labelled(names.map { ($0, Array(0..<repetitions.count * rows)) })
    }
    if names.count == repetitions.count {
      return labelled(names.enumerated().map { ($1, Array($0 * rows..<($0 + 1) * rows)) })
    }
    let all = following(repetitions, named: named)
    guard Set(names).isSubset(of: all.map(\.head)) else { return nil }
    return labelled(names.flatMap { name in all.filter { $0.head == name }.map { ($0.head, $0.rows) } })
  }

  private static func labelled(_ found: [(head: String, rows: [Int])]) -> [AnsweringHead] {
    var counts: [String: Int] = [:]
    return found.map { head, rows in
      counts[head, default: 0] += 1
      let count = counts[head] ?? 1
      return AnsweringHead(label: count == 1 ? head : "\(head)#\(count)", head: head, rows: rows)
    }
  }
}
