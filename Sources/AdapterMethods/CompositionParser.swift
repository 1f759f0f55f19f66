extension Composition {
  /// Parses the text form: a name, or a block of compositions.
  ///
  /// - Throws: `CompositionError`; also for invalid sizes, weights and nesting.
  public init(_ text: String) throws(CompositionError) {
    var parser = CompositionParser(text)
    self = try parser.composition()
    try parser.end()
    try validate()
  }
}

/// The characters that names in a composition cannot contain.
private let separators: Set<Character> = ["(", ")", "[", "]", ",", "=", " ", "\t", "\n", "\r", "\r\n"]

private struct CompositionParser {
  private let text: String
  private let characters: [Character]
  private var position = 0
  private var depth = 0
  private var nodes = 0

  init(_ text: String) {
    self.text = text
    characters = Array(text)
  }

  mutating func composition() throws(CompositionError) -> Composition {
    let name = try word("the name of an adapter or block")
    nodes += 1
    guard nodes <= Composition.Limit.nodes else { throw .tooLarge(limit: Composition.Limit.nodes) }
    guard skip("(") else { return .adapter(name) }
    guard let block = Composition.Block(rawValue: name) else { throw .unknownBlock(name: name) }
    depth += 1
    defer { depth -= 1 }
    guard depth <= Composition.Limit.depth else { throw .tooDeep(limit: Composition.Limit.depth) }
    var children: [Composition] = []
    var numbers: [String: [Number]] = [:]
    var ownName: String?
    if !skip(")") {
      repeat {
        if block == .fuse, argument(named: "name") {
          ownName = try word("the name of the fusion")
        } else if let argument = argument() {
          numbers[argument] = try list()
        } else {
          children.append(try composition())
        }
      } while skip(",")
      guard skip(")") else { throw expected("',' or ')'") }
    }
    return try build(block, children, numbers, name: ownName)
  }

  mutating func end() throws(CompositionError) {
    skipSpace()
    guard position == characters.count else { throw expected("the end") }
  }

  private func build(
    _ block: Composition.Block, _ children: [Composition], _ numbers: [String: [Number]], name: String?
  ) throws(CompositionError) -> Composition {
    let argument: String? =
      switch block {
      case .batchSplit: "batch_sizes"
      case .split: "splits"
      case .average: "weights"
      case .stack, .parallel, .sum, .fuse, .multiTask: nil
      }
    if let odd = numbers.keys.first(where: { $0 != argument }) {
      throw .syntax(text: text, position: 0, expected: "no argument '\(odd)' for \(block.rawValue)")
    }
    let values = argument.flatMap { numbers[$0] }
    switch block {
    case .stack: return .stack(children)
    case .parallel: return .parallel(children)
    case .sum: return .sum(children)
    case .fuse: return .fuse(children, name: name)
    case .multiTask: return .multiTask(children)
    case .average: return .average(children, weights: values?.map(\.value))
    case .batchSplit: return .batchSplit(children, sizes: try sizes(values, of: block, count: children.count))
    case .split: return .split(children, sizes: try sizes(values, of: block, count: children.count))
    }
  }

  /// Integers; a single one applies to every child, as in `adapters`.
  private func sizes(
    _ numbers: [Number]?, of block: Composition.Block, count: Int
  ) throws(CompositionError) -> [Int] {
    var sizes: [Int] = []
    for number in numbers ?? [] {
      guard let size = number.size else {
        throw .size(block: block.rawValue, value: number.text, limit: Composition.Limit.size)
      }
      sizes.append(size)
    }
    return sizes.count == 1 ? Array(repeating: sizes[0], count: count) : sizes
  }

  /// A name that is followed by '=', if that comes next.
  private mutating func argument() -> String? {
    let start = position
    if let name = try? word(""), skip("=") { return name }
    position = start
    return nil
  }

  /// Whether `name=` comes next; if so, consumes it.
  private mutating func argument(named name: String) -> Bool {
    let start = position
    if argument() == name { return true }
    position = start
    return false
  }

  /// One number, or several in brackets.
  private mutating func list() throws(CompositionError) -> [Number] {
    guard skip("[") else { return [try number()] }
    var numbers: [Number] = []
    if skip("]") { return numbers }
    repeat { numbers.append(try number()) } while skip(",")
    guard skip("]") else { throw expected("',' or ']'") }
    return numbers
  }

  private mutating func number() throws(CompositionError) -> Number {
    let start = position
    let text = try word("a number")
    guard let value = Float(text), value.isFinite else {
      position = start
      throw expected("a number")
    }
    return Number(text: text, value: value)
  }

  /// A number as written: a weight or a size.
  private struct Number {
    let text: String
    let value: Float

    /// The integer value, even if written as `2.0`.
    var size: Int? { Int(text) ?? Double(text).flatMap { Int(exactly: $0) } }
  }

  private mutating func word(_ what: String) throws(CompositionError) -> String {
    skipSpace()
    let start = position
    while position < characters.count, !separators.contains(characters[position]) { position += 1 }
    guard position > start else { throw expected(what) }
    return String(characters[start..<position])
  }

  private mutating func skip(_ character: Character) -> Bool {
    skipSpace()
    guard position < characters.count, characters[position] == character else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while position < characters.count, characters[position].isWhitespace { position += 1 }
  }

  private func expected(_ what: String) -> CompositionError {
    .syntax(text: text, position: position, expected: what)
  }
}
