import Glibc
import Kernels
import Tensors
import TestSupport
import Testing

/// One head of one sequence, as arrays: what the kernel computes, by its definition in float64.
struct NaiveHead {
  let tokens: Int
  /// How many of the tokens, from the first on, look at all of them.
  var queries: Int
  let size = 24
  let q, k, v: Matrix
  var scale: Float = 0.2
  /// Tables [rows, size] in the order of distances.
  var keyTable: Matrix?
  var queryTable: Matrix?
  /// right [rows, rank] · left [rank, size] is added to a table.
  var keyCorrection: (right: Matrix, left: Matrix)?
  var queryCorrection: (right: Matrix, left: Matrix)?
  var memory: (key: Matrix, value: Matrix)?
  var positions: [Int32]?
  var visible: [UInt8]?

  static let span = 40
  /// Distances below this have a row each; larger ones share rows, three by three.
  static let plain = 20
  /// From this distance on all share the first row or the last.
  static let far = 80

  init(tokens: Int, seed: UInt64 = 1) {
    self.tokens = tokens
    queries = tokens
    q = Matrix.random(tokens, size, gap: 17, seed: seed)
    k = Matrix.random(tokens, size, gap: 17, seed: seed + 1)
    v = Matrix.random(tokens, size, gap: 17, seed: seed + 2)
  }

  static func table(seed: UInt64) -> Matrix { Matrix.random(2 * span, 24, gap: 0, seed: seed) }

  static func correction(seed: UInt64) -> (right: Matrix, left: Matrix) {
    (Matrix.random(2 * span, 3, gap: 0, seed: seed), Matrix.random(3, 24, gap: 0, seed: seed + 1))
  }

  /// Whether far distances have the rows of near ones again, and beyond those of the other side.
  var runsBackwards = false

  /// The row of a distance: monotone, contiguous where plain, shared and clamped beyond.
  func row(_ distance: Int) -> Int {
    let size = abs(distance)
    let shared = (size - Self.plain) / 3
    let bucket = size < Self.plain ? size : runsBackwards ? Self.plain - shared : min(Self.plain + shared, Self.span)
    return min(max(Self.span + distance.signum() * bucket, 0), 2 * Self.span - 1)
  }

  func position(_ token: Int) -> Int { positions.map { Int($0[token]) } ?? token }

  /// softmax(scale (q·k + q·K[δ]) + k·Q[δ]) v, and the probabilities; sizes of the context's terms.
  func compute() -> (context: [Double], sizes: [Double], probabilities: [Double]) {
    let front = memory?.key.rows ?? 0
    func dot(_ a: Matrix, _ i: Int, _ b: (Int) -> Double) -> Double {
      (0..<size).reduce(0) { $0 + Double(a[i, $1]) * b($1) }
    }
    func tableRow(_ table: Matrix, _ correction: (right: Matrix, left: Matrix)?, _ row: Int) -> [Double] {
      (0..<size).map { column in
        var value = Double(table[row, column])
        if let correction {
          for r in 0..<correction.left.rows {
            value += Double(correction.right[row, r]) * Double(correction.left[r, column])
          }
        }
        return value
      }
    }
    let keyRows = keyTable.map { table in (0..<table.rows).map { tableRow(table, keyCorrection, $0) } }
    let queryRows = queryTable.map { table in (0..<table.rows).map { tableRow(table, queryCorrection, $0) } }
    var context: [Double] = []
    var sizes: [Double] = []
    var probabilities: [Double] = []
    for i in 0..<queries {
      var scores: [Double] = (0..<front).map { p in
        Double(scale) * dot(q, i) { Double(memory?.key[p, $0] ?? 0) }
      }
      for j in 0..<tokens {
        var score = Double(scale) * dot(q, i) { Double(k[j, $0]) }
        let row = self.row(position(i) - position(j))
        if let keyRows { score += Double(scale) * dot(q, i) { keyRows[row][$0] } }
        if let queryRows { score += dot(k, j) { queryRows[row][$0] } }
        if let visible, visible[i * tokens + j] == 0 { score = -.infinity }
        scores.append(score)
      }
      let highest = scores.max() ?? 0
      let powers = highest == -.infinity ? scores.map { _ in 0.0 } : scores.map { exp($0 - highest) }
      let sum = powers.reduce(0, +)
      let shares = powers.map { sum == 0 ? 0 : $0 / sum }
      probabilities += shares
      for column in 0..<size {
        let terms = shares.enumerated().map { index, share in
          share * Double(index < front ? memory?.value[index, column] ?? 0 : v[index - front, column])
        }
        context.append(terms.reduce(0, +))
        sizes.append(terms.reduce(0) { $0 + abs($1) })
      }
    }
    return (context, sizes, probabilities)
  }

  /// The same through the kernel.
  func run(_ kernels: VectorKernels, recording: Bool = true) -> (context: Matrix, probabilities: Matrix) {
    let context = Matrix(queries, size, gap: 17)
    let probabilities = Matrix(queries, tokens + (memory?.key.rows ?? 0))
    // Tables of keys are kept in reverse.
    let keyPositions = keyTable.map {
      Packed(reversed($0), keyCorrection.map { (reversed($0.right), $0.left) }, kernels)
    }
    let queryPositions = queryTable.map { Packed($0, queryCorrection, kernels) }
    withHead(context) { head in
      var head = head
      head.contentToPosition = keyPositions?.positions
      head.positionToContent = queryPositions?.positions
      if recording { head.probabilities = probabilities.values }
      head(kernels, Buffers())
    }
    withExtendedLifetime((keyPositions, queryPositions)) {}
    return (context, probabilities)
  }

  /// The head as the kernel takes it, without its tables.
  func withHead(_ context: Matrix, _ body: (AttentionHead) -> Void) {
    var head = AttentionHead(
      query: q.values.slice(0..<queries), key: k.values, value: v.values, context: context.values, scale: scale)
    head.memory = memory.map { ($0.key.values, $0.value.values) }
    let farthest = position(tokens - 1) - position(0)
    let far = runsBackwards ? 1 << 40 : Self.far
    let queryRows = (-farthest...farthest).map { Int32(row($0)) }
    let keyRows = (-farthest...farthest).map { Int32(2 * Self.span - 1 - row(-$0)) }
    withPointer(queryRows) { queries in
      withPointer(keyRows) { keys in
        if let queries, let keys {
          head.distances = DistanceRows(
            queryRows: queries + farthest, keyRows: keys + farthest, plainDistance: Self.plain, farDistance: far)
        }
        withPointer(positions) { positions in
          withPointer(visible) { visible in
            head.positions = positions
            head.visible = visible
            body(head)
          }
        }
      }
    }
  }

  func reversed(_ matrix: Matrix) -> Matrix {
    Matrix(matrix.rows, matrix.columns, gap: 0) { matrix[matrix.rows - 1 - $0, $1] }
  }

  private func withPointer<Element>(_ array: [Element]?, _ body: (UnsafePointer<Element>?) -> Void) {
    guard let array else { return body(nil) }
    array.withUnsafeBufferPointer { body($0.baseAddress) }
  }

  private struct Packed {
    let base: PackedWeight
    let correction: (left: PackedWeight, right: PackedWeight)?

    init(_ table: Matrix, _ correction: (right: Matrix, left: Matrix)?, _ kernels: VectorKernels) {
      base = table.packed(kernels)
      self.correction = correction.map {
        ($0.left.packed(kernels), $0.right.packed(kernels))
      }
    }

    var positions: HeadPositions {
      HeadPositions(base: base.panels, correction: correction.map { ($0.left.panels, $0.right.panels) })
    }
  }
}

/// Which position terms a head has.
enum Terms: String, CaseIterable {
  case none, contentToPosition, positionToContent, both
}

/// What else there is.
enum Extra: String, CaseIterable {
  case nothing, memory, holes, mask, corrections, backwards, everything
}

struct HeadCase: Sendable, CustomTestStringConvertible {
  let terms: Terms
  let extra: Extra
  var testDescription: String { "terms: \(terms.rawValue), with \(extra.rawValue)" }
  static let all = Terms.allCases.flatMap { terms in Extra.allCases.map { HeadCase(terms: terms, extra: $0) } }

  func head(tokens: Int) -> NaiveHead {
    var head = NaiveHead(tokens: tokens)
    var random = RandomNumbers(seed: 77)
    if terms == .contentToPosition || terms == .both { head.keyTable = NaiveHead.table(seed: 11) }
    if terms == .positionToContent || terms == .both { head.queryTable = NaiveHead.table(seed: 12) }
    if extra == .corrections || extra == .everything {
      head.keyCorrection = NaiveHead.correction(seed: 13)
      head.queryCorrection = NaiveHead.correction(seed: 15)
    }
    head.runsBackwards = extra == .backwards
    if extra == .memory || extra == .everything {
      head.memory = (
        Matrix.random(5, head.size, gap: 3, seed: 17), Matrix.random(5, head.size, gap: 3, seed: 18)
      )
    }
    if extra == .holes || extra == .everything {
      var position: Int32 = 3
      head.positions = (0..<tokens).map { _ in
        position += random.next() % 4 == 0 ? Int32(random.next() % 9) + 2 : 1
        return position
      }
    }
    if extra == .mask || extra == .everything {
      // The last token sees nothing; the others about two thirds.
      head.visible = (0..<tokens * tokens).map { index in
        index / tokens == tokens - 1 && tokens > 1 ? 0 : random.next() % 3 == 0 ? 0 : 1
      }
    }
    return head
  }
}

@Suite struct AttentionTests {
  /// Around the blocks of queries, panels and tiles; beyond 20 distances share rows, from 80 on one.
  @Test(arguments: HeadCase.all, [1, 2, 7, 16, 56, 57, 64, 65, 130, 300])
  func aHeadFollowsItsDefinition(_ headCase: HeadCase, _ tokens: Int) throws {
    let head = headCase.head(tokens: tokens)
    let (context, sizes, probabilities) = head.compute()
    for set in instructionSets {
      let ours = head.run(try kernels(set))
      expectClose(ours.probabilities.array, probabilities, .op, "probabilities, \(set)")
      expectClose(ours.context.array, context, .op, sizes: sizes, "context, \(set)")
      #expect(ours.context.gapsAreUntouched && ours.probabilities.gapsAreUntouched)
    }
  }

  /// Keys in several blocks, queries in one, or in one and a bit.
  @Test(arguments: HeadCase.all, [(130, 1), (130, 5), (300, 57)])
  func fewerQueriesThanKeysAreTheFirstOnes(_ headCase: HeadCase, _ counts: (tokens: Int, queries: Int)) throws {
    var head = headCase.head(tokens: counts.tokens)
    let all = head.compute().context
    head.queries = counts.queries
    let (context, sizes, probabilities) = head.compute()
    #expect(context.count < all.count && context == Array(all.prefix(context.count)))
    for set in instructionSets {
      let ours = head.run(try kernels(set))
      expectClose(ours.probabilities.array, probabilities, .op, "probabilities, \(set)")
      expectClose(ours.context.array, context, .op, sizes: sizes, "context, \(set)")
      #expect(ours.context.gapsAreUntouched && ours.probabilities.gapsAreUntouched)
    }
  }

  /// Negative control: every part of the definition matters to what the test above compares.
  @Test func everyPartOfAHeadChangesItsContext() throws {
    let whole = HeadCase(terms: .both, extra: .everything).head(tokens: 65)
    let context = whole.compute().context
    var parts: [String: NaiveHead] = [:]
    for name in ["keyTable", "queryTable", "keyCorrection", "queryCorrection", "memory", "positions", "visible"] {
      var head = whole
      switch name {
      case "keyTable": head.keyTable = nil
      case "queryTable": head.queryTable = nil
      case "keyCorrection": head.keyCorrection = nil
      case "queryCorrection": head.queryCorrection = nil
      case "memory": head.memory = nil
      case "positions": head.positions = nil
      default: head.visible = nil
      }
      parts[name] = head
    }
    for (name, head) in parts { expectFarOff(head.compute().context, context, by: .op, name) }
  }

  @Test(arguments: instructionSets)
  func recordingProbabilitiesChangesNoBitOfTheContext(_ set: VectorKernels.InstructionSet) throws {
    let head = HeadCase(terms: .both, extra: .everything).head(tokens: 130)
    let kernels = try kernels(set)
    expectClose(head.run(kernels).context.array, head.run(kernels, recording: false).context.array, .exact)
  }

  /// A token's context is the same whether more queries follow, as long as nobody sees them.
  @Test(arguments: instructionSets)
  func tokensThatNobodySeesChangeNothing(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let short = HeadCase(terms: .both, extra: .nothing).head(tokens: 70)
    var long = HeadCase(terms: .both, extra: .nothing).head(tokens: 131)
    long.visible = (0..<131 * 131).map { $0 % 131 < 70 ? 1 : 0 }
    let (shortContext, longContext) = (short.run(kernels).context, long.run(kernels).context)
    let own = (0..<70).flatMap { longContext.row($0) }
    // The matrices of both start with the same values row by row only where the row length is equal: it is.
    expectClose(own, shortContext.array, .op, sizes: short.compute().sizes)
  }
}
