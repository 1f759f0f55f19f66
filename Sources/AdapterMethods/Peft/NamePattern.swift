/// A Python regular expression, in the subset that PEFT files use for module names.
///
/// Matching tracks the set of all possible positions, so no expression is slow. Look-around, back-references and flags
/// are not supported; such an expression is nil rather than guessed at.
struct NamePattern: Sendable {
  private indirect enum Node: Sendable {
    case one(CharacterSet)
    case sequence([Node])
    case choice([Node])
    case repetition(Node, atLeast: Int, atMost: Int?)
    case start, end
  }

  private struct CharacterSet: Sendable {
    var ranges: [ClosedRange<Unicode.Scalar>] = []
    var isInverted = false

    func contains(_ scalar: Unicode.Scalar) -> Bool { ranges.contains { $0.contains(scalar) } != isInverted }

    static let any = CharacterSet(isInverted: true)
    static let digit = CharacterSet(ranges: ["0"..."9"])
    static let word = CharacterSet(ranges: ["a"..."z", "A"..."Z", "0"..."9", "_"..."_"])
    static let space = CharacterSet(ranges: [" "..." ", "\t"..."\r"])

    static func of(_ scalar: Unicode.Scalar) -> CharacterSet { CharacterSet(ranges: [scalar...scalar]) }
  }

  /// The maximum length of an expression, and the maximum count of a repetition.
  private static let longest = 1000
  private static let mostRepetitions = 100

  private let root: Node

  init?(_ text: String) {
    var parser = Parser(scalars: Array(text.unicodeScalars))
    guard parser.scalars.count <= Self.longest, let root = parser.choice(), parser.isAtEnd else { return nil }
    self.root = root
  }

  /// Whether the expression matches a whole name; nil if that exceeds the step limit.
  func matches(_ name: String) -> Bool? {
    let scalars = Array(name.unicodeScalars)
    var matcher = Matcher(scalars: scalars)
    guard let ends = matcher.ends(root, [0]) else { return nil }
    return ends.contains(scalars.count)
  }

  private struct Matcher {
    let scalars: [Unicode.Scalar]
    private var steps = 100_000

    init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    /// The possible end positions of a match that starts at one of the given positions.
    mutating func ends(_ node: Node, _ starts: Set<Int>) -> Set<Int>? {
      steps -= 1 + starts.count
      guard steps > 0 else { return nil }
      switch node {
      case .start: return starts.intersection([0])
      case .end: return starts.intersection([scalars.count])
      case .one(let set):
        return Set(starts.compactMap { $0 < scalars.count && set.contains(scalars[$0]) ? $0 + 1 : nil })
      case .sequence(let nodes):
        var positions = starts
        for node in nodes {
          guard let next = ends(node, positions) else { return nil }
          positions = next
        }
        return positions
      case .choice(let nodes):
        var positions: Set<Int> = []
        for node in nodes {
          guard let own = ends(node, starts) else { return nil }
          positions.formUnion(own)
        }
        return positions
      case .repetition(let node, let least, let most):
        var current = starts
        for _ in 0..<least {
          guard let next = ends(node, current) else { return nil }
          if next == current { break }
          current = next
        }
        var all = current
        var rest = (most ?? .max) - least
        while rest > 0, !current.isEmpty {
          guard let next = ends(node, current) else { return nil }
          current = next.subtracting(all)
          all.formUnion(next)
          rest -= 1
        }
        return all
      }
    }
  }

  private struct Parser {
    let scalars: [Unicode.Scalar]
    private var position = 0
    private var depth = 0

    init(scalars: [Unicode.Scalar]) { self.scalars = scalars }

    var isAtEnd: Bool { position == scalars.count }
    private var next: Unicode.Scalar? { isAtEnd ? nil : scalars[position] }

    private mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
      guard next == scalar else { return false }
      position += 1
      return true
    }

    /// `a|b|c`
    mutating func choice() -> Node? {
      depth += 1
      defer { depth -= 1 }
      guard depth < 50 else { return nil }
      var choices: [Node] = []
      repeat {
        var nodes: [Node] = []
        while let scalar = next, scalar != "|", scalar != ")" {
          guard let atom = atom(), let repeated = repetition(of: atom) else { return nil }
          nodes.append(repeated)
        }
        choices.append(.sequence(nodes))
      } while skip("|")
      return choices.count == 1 ? choices[0] : .choice(choices)
    }

    private mutating func atom() -> Node? {
      guard let scalar = next else { return nil }
      position += 1
      switch scalar {
      case "(":
        if skip("?") {
          // `(?:` and `(?P<name>` are groups; other uses of the question mark are not supported.
          if skip("P") {
            guard skip("<") else { return nil }
            while let scalar = next, scalar != ">" {
              position += CharacterSet.word.contains(scalar) ? 1 : scalars.count
            }
            guard position < scalars.count, skip(">") else { return nil }
          } else if !skip(":") {
            return nil
          }
        }
        guard let group = choice(), skip(")") else { return nil }
        return group
      case "[": return set()
      case ".": return .one(.any)
      case "^": return .start
      case "$": return .end
      case "\\": return escape().map { .one($0) }
      case "*", "+", "?", "{", ")": return nil
      default: return .one(.of(scalar))
      }
    }

    private mutating func escape() -> CharacterSet? {
      guard let scalar = next else { return nil }
      position += 1
      switch scalar {
      case "d": return .digit
      case "w": return .word
      case "s": return .space
      case "D": return CharacterSet(ranges: CharacterSet.digit.ranges, isInverted: true)
      case "W": return CharacterSet(ranges: CharacterSet.word.ranges, isInverted: true)
      case "S": return CharacterSet(ranges: CharacterSet.space.ranges, isInverted: true)
      default: return CharacterSet.word.contains(scalar) ? nil : .of(scalar)
      }
    }

    /// The rest of a set after `[`.
    private mutating func set() -> Node? {
      var result = CharacterSet(isInverted: skip("^"))
      var isFirst = true
      while let scalar = next, isFirst || scalar != "]" {
        isFirst = false
        position += 1
        if scalar == "\\" {
          guard let own = escape(), !own.isInverted else { return nil }
          result.ranges += own.ranges
          continue
        }
        var upper = scalar
        if next == "-", position + 1 < scalars.count, scalars[position + 1] != "]" {
          upper = scalars[position + 1]
          position += 2
          guard upper != "\\", upper >= scalar else { return nil }
        }
        result.ranges.append(scalar...upper)
      }
      return skip("]") ? .one(result) : nil
    }

    /// An atom with a following `*`, `+`, `?` or `{2,3}`; greediness does not matter here.
    private mutating func repetition(of atom: Node) -> Node? {
      let result: Node
      if skip("*") {
        result = .repetition(atom, atLeast: 0, atMost: nil)
      } else if skip("+") {
        result = .repetition(atom, atLeast: 1, atMost: nil)
      } else if skip("?") {
        result = .repetition(atom, atLeast: 0, atMost: 1)
      } else if skip("{") {
        let least = number()
        let most = skip(",") ? number() : least
        guard skip("}"), least != nil || most != nil else { return nil }
        guard (least ?? 0) <= (most ?? .max), (most ?? least ?? 0) <= NamePattern.mostRepetitions else { return nil }
        result = .repetition(atom, atLeast: least ?? 0, atMost: most)
      } else {
        return atom
      }
      if next == "?" { position += 1 }
      if let scalar = next, "*+?{".unicodeScalars.contains(scalar) { return nil }
      return result
    }

    private mutating func number() -> Int? {
      var digits = ""
      while let scalar = next, CharacterSet.digit.contains(scalar) {
        digits.unicodeScalars.append(scalar)
        position += 1
      }
      return Int(digits)
    }
  }
}
