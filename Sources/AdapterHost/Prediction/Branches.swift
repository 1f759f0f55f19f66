internal import AdapterMethods

extension Composition {
  /// What acts on each repetition of a text: the composition once for every child of its Parallel blocks, without them.
  ///
  /// - Throws: `CompositionError` for BatchSplit, which counts the rows of a
  ///   batch, and for two Parallel blocks of different sizes in one Stack.
  func branches() throws(CompositionError) -> [Composition] {
    switch self {
    case .adapter: return [self]
    case .batchSplit:
      throw .unsupported(
        block: "BatchSplit",
        what: "texts that come one by one: it counts the rows of a batch. Name each text's adapter instead")
    case .parallel(let children):
      var all: [Composition] = []
      for child in children { all += try child.branches() }
      return all
    case .stack(let children): return try Self.merged(children) { $0.count == 1 ? $0[0] : .stack($0) }
    case .split(let children, let sizes): return try Self.merged(children) { .split($0, sizes: sizes) }
    case .fuse(let children): return try Self.merged(children) { .fuse($0) }
    case .average(let children, let weights): return try Self.merged(children) { .average($0, weights: weights) }
    case .sum(let children): return try Self.merged(children) { .sum($0) }
    }
  }

  /// The children's branches put together one by one; a child without Parallel counts for every branch.
  private static func merged(
    _ children: [Composition], _ merge: ([Composition]) -> Composition
  ) throws(CompositionError) -> [Composition] {
    var parts: [[Composition]] = []
    for child in children { parts.append(try child.branches()) }
    let count = parts.reduce(1) { max($0, $1.count) }
    if let odd = parts.first(where: { $0.count != 1 && $0.count != count }) {
      throw .channels(first: odd.count, second: count)
    }
    return (0..<count).map { branch in merge(parts.map { $0[$0.count == 1 ? 0 : branch] }) }
  }
}
