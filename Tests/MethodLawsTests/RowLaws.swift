import AdapterHost
import AdapterMethods
import Deberta
import TestSupport
import Testing

/// Two examples of methods.
struct Pair: Sendable, CustomTestStringConvertible {
  let first, second: MethodExample
  var testDescription: String { "\(first.preset) and \(second.preset)" }
  /// A block of the two that both allow; two prompts allow none.
  var both: String {
    guard first.refusal != nil, first.refusal == second.refusal else { return "Stack(a, b)" }
    return first.averages ? "Sum(a, b)" : "Stack(b)"
  }

  /// Every kind with every one, itself included, and every method with one of them.
  static let all: [Pair] = {
    let kinds = MethodExample.kinds
    let ofKinds = kinds.indices.flatMap { index in kinds[index...].map { Pair(first: kinds[index], second: $0) } }
    return ofKinds
      + MethodExample.all.enumerated().map { Pair(first: $1, second: kinds[$0 % kinds.count]) }
  }()
}

/// Rows of a batch have nothing to do with each other, whatever acts on them.
@Suite struct RowLaws {
  /// A model with both methods of a pair: `a` and `b`.
  private func subject(_ pair: Pair, base: String = "v3") throws -> Subject {
    var subject = try Subject(pair.first, base: base)
    try subject.model.deleteAdapter("b")
    try subject.model.addRandom(pair.second.preset, named: "b", seed: 13)
    return subject
  }

  @Test(arguments: Pair.all)
  func rowsOfAMixedBatchEqualTheRowsAlone(_ pair: Pair) throws {
    let subject = try subject(pair)
    let names: [String?] = ["b", "a", nil, "b"]
    let alone = try names.enumerated().map { try subject.alone($0, $1) }
    expectFarOff(try subject.textAlone(0, "b"), try subject.textAlone(0, "a"))
    let mixed = try subject.model(Subject.ids, setup: .rows(names.map { $0.map { .adapter($0) } }))
    #expect(mixed.rowCount == names.count)
    for row in names.indices { expectClose(mixed.values(row: row), alone[row], .exact, "row \(row)") }
  }

  @Test(arguments: Pair.all)
  func theChildrenOfABatchSplitActOnTheirOwnRows(_ pair: Pair) throws {
    let subject = try subject(pair)
    let output = try subject.output("BatchSplit(b, \(pair.both), a, batch_sizes=[1, 2, 1])")
    for (row, setup) in ["b", pair.both, pair.both, "a"].enumerated() {
      expectClose(output.values(row: row), try subject.alone(row, setup), .exact, "row \(row)")
    }
  }

  @Test(arguments: Pair.all)
  func parallelRepeatsTheRowsForEveryChild(_ pair: Pair) throws {
    let subject = try subject(pair)
    let output = try subject.output("Parallel(a, \(pair.both), b)")
    let setups = ["a", pair.both, "b"]
    try #require(output.rowCount == setups.count * Subject.ids.count)
    for (block, setup) in setups.enumerated() {
      for row in Subject.ids.indices {
        let values = output.values(row: block * Subject.ids.count + row)
        expectClose(values, try subject.alone(row, setup), .exact, "\(setup), row \(row)")
      }
    }
  }

  @Test(arguments: MethodExample.all.filter { $0.stacked == .chains || $0.stacked == .commutes })
  func aStackOverParallelIsParallelStacks(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let outer = try subject.values("Stack(a, Parallel(a, b))")
    expectFarOff(outer, try subject.values("Parallel(a, b)"))
    expectClose(outer, try subject.values("Parallel(Stack(a, a), Stack(a, b))"), .exact)
  }

  /// Where queries and keys are projected together with relative positions, and where they are not, or not at all.
  @Test(arguments: ["noshare", "v2conv", "norel", "p2c", "abs", "deberta-v1", "deberta-v1-talking"])
  func rowsOfAMixedBatchEqualTheRowsAloneInEveryKindOfEncoder(_ base: String) throws {
    for pair in [
      Pair(first: MethodExample.gatedLoRA, second: MethodExample.gatedBottleneck),
      Pair(first: MethodExample.mergeable[1], second: MethodExample.mergeable[0]),
      Pair(first: MethodExample.dora, second: MethodExample.invertible),
      Pair(first: MethodExample.gatedPrefix, second: MethodExample.dora),
    ] {
      let subject = try subject(pair, base: base)
      let names: [String?] = ["b", "a", nil, "b"]
      let mixed = try subject.model(Subject.ids, setup: .rows(names.map { $0.map { .adapter($0) } }))
      for row in names.indices {
        expectClose(mixed.values(row: row), try subject.alone(row, names[row]), .exact, "row \(row)")
      }
    }
  }

  @Test(arguments: MethodExample.all)
  func permutingRowsPermutesOutputs(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let order = [2, 0, 3, 1]
    let rows: [Composition?] = [.adapter("a"), .adapter("b"), nil, .adapter("a")]
    let plain = try subject.model(Subject.ids, setup: .rows(rows))
    let permuted = try subject.model(order.map { Subject.ids[$0] }, setup: .rows(order.map { rows[$0] }))
    for (place, row) in order.enumerated() {
      expectClose(permuted.values(row: place), plain.values(row: row), .exact, "row \(row)")
    }
  }

  @Test(arguments: MethodExample.all)
  func paddingChangesNothing(_ example: MethodExample) throws {
    let subject = try Subject(example)
    let unpadded = try subject.output("a")
    // More columns than any row needs.
    for length in [23, 31] {
      let padded = try PaddedInput(
        ids: Subject.ids.map { $0.map(Int.init) + Array(repeating: 0, count: length - $0.count) },
        mask: .tokens(Subject.ids.map { $0.map { _ in 1 } + Array(repeating: 0, count: length - $0.count) }),
        subject.model.configuration)
      let output = try subject.model(padded.batch, setup: .composition(.adapter("a")))
      expectClose(output.values, unpadded.values, .exact)
    }
  }
}
