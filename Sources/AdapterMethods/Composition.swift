/// Which adapters apply to which rows, and how they are combined.
///
/// The text form follows the setups of `adapters`:
/// `Stack(a, Parallel(b, c))`, `BatchSplit(a, b, batch_sizes=[2, 3])`,
/// `Average(a, b, weights=[0.3, 0.7])`.
public indirect enum Composition: Hashable, Sendable {
  case adapter(String)
  /// In sequence: each child reads the previous one's output.
  case stack([Composition])
  /// Every row goes through every child; the results are concatenated, child by child.
  case parallel([Composition])
  /// The first rows go to the first child, and so on.
  case batchSplit([Composition], sizes: [Int])
  /// A sequence's first tokens go to the first child, and so on.
  case split([Composition], sizes: [Int])
  /// Mixes the children's results per token by the attention of a fusion: the one with this name, or of the children.
  case fuse([Composition], name: String? = nil)
  /// The weighted mean of the children's results; the plain mean without weights.
  case average([Composition], weights: [Float]?)
  /// The sum of the children's changes.
  case sum([Composition])
  /// Each row goes to the child for its task.
  case multiTask([Composition])

  /// The kinds of blocks, by their names in texts.
  enum Block: String, CaseIterable, Sendable {
    case stack = "Stack"
    case parallel = "Parallel"
    case batchSplit = "BatchSplit"
    case split = "Split"
    case fuse = "Fuse"
    case average = "Average"
    case sum = "Sum"
    case multiTask = "MultiTask"

    /// The blocks that may be children; adapters always may.
    ///
    /// Source: adapters, `composition.py`, `ALLOWED_NESTINGS`.
    var allowedChildren: Set<Block> {
      switch self {
      case .stack: [.parallel, .batchSplit, .average, .sum, .stack, .split, .fuse, .multiTask]
      case .parallel: [.stack, .batchSplit, .average, .sum]
      case .batchSplit: [.stack, .batchSplit, .average, .sum, .split]
      case .average, .sum: [.stack, .batchSplit, .average, .sum, .split]
      case .split: [.split, .stack, .batchSplit, .average, .sum]
      case .fuse: [.stack]
      case .multiTask: [.stack, .average, .sum, .fuse]
      }
    }

    /// - Throws: `CompositionError.size` for a size that no batch or text can have.
    fileprivate func check(_ sizes: [Int]) throws(CompositionError) {
      if let size = sizes.first(where: { !(0...Limit.size).contains($0) }) {
        throw .size(block: rawValue, value: "\(size)", limit: Limit.size)
      }
    }
  }

  /// The kind of block; nil for an adapter.
  var block: Block? {
    switch self {
    case .adapter: nil
    case .stack: .stack
    case .parallel: .parallel
    case .batchSplit: .batchSplit
    case .split: .split
    case .fuse: .fuse
    case .average: .average
    case .sum: .sum
    case .multiTask: .multiTask
    }
  }

  /// The direct children; none for an adapter.
  public var children: [Composition] {
    switch self {
    case .adapter: []
    case .stack(let children), .parallel(let children), .batchSplit(let children, _), .average(let children, _),
      .sum(let children), .multiTask(let children), .split(let children, _), .fuse(let children, _):
      children
    }
  }

  /// The names of all adapters, in the order of the text, each once.
  public var adapters: [String] {
    if case .adapter(let name) = self { return [name] }
    var seen: Set<String> = []
    return children.flatMap(\.adapters).filter { seen.insert($0).inserted }
  }

  /// A fusion that a Fuse block needs.
  public struct NamedFusion: Hashable, Sendable {
    /// The name set by the block, or its adapters' names joined with commas.
    public let name: String
    /// The adapters that it fuses.
    public let adapters: [String]
  }

  /// The fusion that this block needs, if it is a Fuse.
  public var fusion: NamedFusion? {
    guard case .fuse(let children, let name) = self else { return nil }
    let adapters = children.map(\.last)
    return NamedFusion(name: name ?? AdapterFusion.name(of: adapters), adapters: adapters)
  }

  /// The fusions of all Fuse blocks.
  public var fusions: [NamedFusion] { (fusion.map { [$0] } ?? []) + children.flatMap(\.fusions) }

  /// For each Fuse block, the adapters that its fusion is for.
  public var fusedAdapters: [[String]] { fusions.map(\.adapters) }

  /// The adapter applied last.
  public var last: String {
    if case .adapter(let name) = self { return name }
    return children.last?.last ?? ""
  }

  /// The composition with adapters renamed.
  public func renamed(_ rename: (String) -> String) -> Composition {
    func all(_ children: [Composition]) -> [Composition] { children.map { $0.renamed(rename) } }
    switch self {
    case .adapter(let name): return .adapter(rename(name))
    case .stack(let children): return .stack(all(children))
    case .parallel(let children): return .parallel(all(children))
    case .batchSplit(let children, let sizes): return .batchSplit(all(children), sizes: sizes)
    case .split(let children, let sizes): return .split(all(children), sizes: sizes)
    case .fuse(let children, let name): return .fuse(all(children), name: name)
    case .average(let children, let weights): return .average(all(children), weights: weights)
    case .sum(let children): return .sum(all(children))
    case .multiTask(let children): return .multiTask(all(children))
    }
  }

  /// Checks that the sizes of every Split add up to the number of its tokens.
  ///
  /// - Parameter tokens: the length of the longest row; shorter ones end early.
  func checkSplits(tokens: Int) throws(CompositionError) {
    guard case .split(let children, let sizes) = self else {
      for child in children { try child.checkSplits(tokens: tokens) }
      return
    }
    guard sizes.reduce(0, +) == tokens else { throw .tokens(expected: sizes.reduce(0, +), found: tokens) }
    for (child, size) in zip(children, sizes) { try child.checkSplits(tokens: size) }
  }

  /// Limits for the nesting, the number of blocks and adapters, and sizes: beyond any use, and small enough for every
  /// traversal of a composition and every sum of its sizes.
  enum Limit {
    static let depth = 256
    static let nodes = 16_384
    static let size = 1 << 32
  }

  /// Checks numbers of children, sizes, weights and nesting.
  func validate() throws(CompositionError) {
    var nodes = 0
    try validate(depth: 1, nodes: &nodes)
  }

  private func validate(depth: Int, nodes: inout Int) throws(CompositionError) {
    nodes += 1
    guard nodes <= Limit.nodes else { throw .tooLarge(limit: Limit.nodes) }
    guard let block else { return }
    guard depth <= Limit.depth else { throw .tooDeep(limit: Limit.depth) }
    guard !children.isEmpty else { throw .empty(block: block.rawValue) }
    for child in children {
      if let inner = child.block, !block.allowedChildren.contains(inner) {
        throw .nesting(outer: block.rawValue, inner: inner.rawValue)
      }
      try child.validate(depth: depth + 1, nodes: &nodes)
    }
    if case .batchSplit(_, let sizes) = self { try block.check(sizes) }
    if case .split(_, let sizes) = self { try block.check(sizes) }
    switch self {
    case .batchSplit(_, let sizes) where sizes.count != children.count:
      throw .sizes(block: block.rawValue, argument: "batch_sizes", found: sizes.count, children: children.count)
    case .split(_, let sizes) where sizes.count != children.count:
      throw .sizes(block: block.rawValue, argument: "splits", found: sizes.count, children: children.count)
    case .average(_, let weights?) where weights.count != children.count:
      throw .sizes(block: block.rawValue, argument: "weights", found: weights.count, children: children.count)
    case .average(_, let weights?) where !(abs(weights.reduce(0, +)) > 1e-12):
      throw .weights(weights)
    default: break
    }
  }
}

extension Composition: CustomStringConvertible {
  /// The text form, which parses to the same composition.
  public var description: String {
    guard let block else { return last }
    var arguments = children.map(\.description)
    switch self {
    case .batchSplit(_, let sizes): arguments.append("batch_sizes=\(sizes)")
    case .split(_, let sizes): arguments.append("splits=\(sizes)")
    case .average(_, let weights?): arguments.append("weights=\(weights)")
    case .fuse(_, let name?): arguments.append("name=\(name)")
    default: break
    }
    return "\(block.rawValue)(\(arguments.joined(separator: ", ")))"
  }
}

/// Why a composition cannot be used.
public enum CompositionError: Error, Hashable, Sendable, CustomStringConvertible {
  case syntax(text: String, position: Int, expected: String)
  case unknownBlock(name: String)
  case empty(block: String)
  case nesting(outer: String, inner: String)
  case sizes(block: String, argument: String, found: Int, children: Int)
  case size(block: String, value: String, limit: Int)
  case tooDeep(limit: Int)
  case tooLarge(limit: Int)
  case weights([Float])
  case rows(expected: Int, found: Int)
  case noTasks
  case taskCount(tasks: Int, rows: Int)
  case noMultiTask
  case unknownTask(String, row: Int, children: [String])
  case tokens(expected: Int, found: Int)
  case channels(first: Int, second: Int)
  case unknownAdapter(name: String, nearest: [String])
  case unsupported(block: String, what: String)
  case unknownFusion(name: String, nearest: [String])
  case noFusion(name: String, place: String)
  case chain(first: String, second: String, place: String, inputs: Int, outputs: Int)

  public var description: String {
    switch self {
    case .syntax(let text, let position, let expected):
      "The setup '\(text)' cannot be read: expected \(expected) at character \(position + 1)."
    case .unknownBlock(let name):
      "The setup names the block '\(name)'; this program knows "
        + "\(Composition.Block.allCases.map(\.rawValue).joined(separator: ", "))."
    case .empty(let block): "\(block) has no children; name at least one adapter in it."
    case .nesting(let outer, let inner): "\(inner) cannot stand directly inside \(outer)."
    case .sizes(let block, let argument, let found, let children):
      "\(block) has \(children) children but \(found) values in '\(argument)'; each child needs one."
    case .size(let block, let value, let limit):
      "\(block) has the size \(value); a size is a whole number from 0 to \(limit)."
    case .tooDeep(let limit):
      "The setup is nested more than \(limit) levels deep, which no use needs. Was it written by a program?"
    case .tooLarge(let limit):
      "The setup names more than \(limit) adapters and blocks; split it into several."
    case .weights(let weights): "The weights \(weights) of Average sum to nothing; a mean needs a sum other than 0."
    case .rows(let expected, let found):
      "The sizes of BatchSplit sum to \(expected), but it is given \(found) rows."
    case .noTasks:
      "MultiTask needs the task of every row: a list of its children's numbers, from 0, or of their names. "
        + "'adapter-cli forward' reads them as task_ids."
    case .taskCount(let tasks, let rows): "There are \(tasks) tasks for \(rows) rows; each row needs one."
    case .noMultiTask:
      "There are tasks for the rows, but no MultiTask that they choose from is in the setup. Leave them out, or name the "
        + "adapters in MultiTask(...)."
    case .unknownTask(let task, let row, let children):
      "The task of row \(row) is \(task); MultiTask has \(children.count) children, 0 to \(children.count - 1): "
        + "\(children.joined(separator: ", "))."
    case .tokens(let expected, let found):
      "The sizes of Split sum to \(expected), but the longest row that it is given has \(found) tokens."
    case .channels(let first, let second):
      "A Stack holds two parallel blocks of \(first) and \(second) children; their numbers must agree."
    case .unknownAdapter(let name, let nearest):
      "No adapter is called '\(name)'"
        + (nearest.isEmpty ? "." : "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?")
    case .unknownFusion(let name, let nearest):
      "No fusion of '\(name)' is loaded"
        + (nearest.isEmpty ? "." : "; there is one of \(nearest.map { "'\($0)'" }.joined(separator: " and ")).")
    case .noFusion(let name, let place):
      "The fusion of '\(name)' has no layer at \(place), where its adapters act. Was it made for other adapters?"
    case .unsupported(let block, let what): "\(block) has no meaning for \(what)."
    case .chain(let first, let second, let place, let inputs, let outputs):
      "Stack('\(first)', '\(second)') chains two adapters of low rank at \(place), which is \(inputs) to \(outputs) "
        + "features wide: a chain needs equal widths. Sum('\(first)', '\(second)') adds them instead."
    }
  }
}
