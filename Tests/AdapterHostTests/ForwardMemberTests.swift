import AdapterHost
import Tensors
import TestSupport
import Testing

/// What a call of a model may be given besides token ids: positions, vectors, and what heads should answer.
@Suite struct ForwardMemberTests {
  private let ids = TinyModel.ids([7, 3, 12])

  @Test func positionsAreThoseThatAreGiven() throws {
    let model = try TinyModel.load("abs")
    #expect(model.configuration.addsAbsolutePositions)
    let own = try model(ids).values
    let same = ids.map { $0.indices.map { Int32($0) } }
    expectClose(try model(Batch(ids, positionIDs: same)).values, own, .exact)
    let shifted = same.map { $0.map { $0 + 5 } }
    expectFarOff(try model(Batch(ids, positionIDs: shifted)).values, own)
    #expect(throws: InputError.self) { try model(Batch(ids, positionIDs: same.map { $0.map { $0 + 1000 } })) }
    #expect(throws: InputError.self) { try model(Batch(ids, positionIDs: same.map { Array($0.dropLast()) })) }
    let relative = try TinyModel.load("v3")
    #expect(refusal { _ = try relative(Batch(ids, positionIDs: same)) }?.contains("adds no absolute positions") == true)
  }

  @Test(arguments: ["v3", "abs"])
  func vectorsStandForWords(_ base: String) throws {
    let model = try TinyModel.load(base)
    let words = model.wordEmbeddings
    let width = model.configuration.embeddingSize
    let vectors = ids.map { row in
      Tensor(row.flatMap { words.rows(Int($0)..<Int($0) + 1).array }, rows: row.count, columns: width)
    }
    let own = try model(ids).values
    expectClose(try model(Batch(embeddings: vectors)).values, own, .exact)
    let others = vectors.map { Tensor($0.array.map { -$0 }, rows: $0.rows, columns: $0.columns) }
    expectFarOff(try model(Batch(embeddings: others)).values, own)
    let narrow = vectors.map { Tensor($0.columns(0..<width - 1).array, rows: $0.rows, columns: width - 1) }
    #expect(throws: InputError.self) { try model(Batch(embeddings: narrow)) }
  }

  @Test func theLossOfTheHeadsComesWithTheOutput() throws {
    var model = try TinyModel.load()
    try model.addHead("c", HeadSettings(.classification, labels: ["a", "b", "c"]), seed: 1)
    try model.addHead("t", HeadSettings(.tagging, labels: ["O", "x"]), seed: 2)
    try model.addHead("v", HeadSettings(.classification, labels: ["value"]), seed: 3)
    let batch = Batch(ids)
    let targets: [Target] = [.label(0), .label(2), .label(1)]
    let (output, loss) = try model(batch, targets: targets, heads: ["c"])
    let logits = try #require(output.heads["c"]).logits.array
    expectClose(logits, try #require(model(ids, heads: ["c"]).heads["c"]).logits.array, .exact)
    // Cross entropy: the logarithm of the sum of powers, less the right one; the mean of the rows.
    let expected =
      zip(0..<3, [0, 2, 1]).reduce(0.0) { sum, row in
        let own = logits[row.0 * 3..<row.0 * 3 + 3].map { Double($0) }
        return sum + exponentialSum(own) - own[row.1]
      } / 3
    expectClose([loss], [expected], .loss)

    let words = try model(batch, targets: ids.map { .tokens($0.map { Int32($0 % 2) }) }, heads: ["t"])
    #expect(words.loss > 0 && words.output.heads["t"]?.rows.count == 3)
    let value = try model(batch, targets: [.value(1), .value(2), .value(0.5)], heads: ["v"])
    let values = try #require(value.output.heads["v"]).logits.array
    expectClose(
      [value.loss], [zip(values, [1, 2, 0.5]).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 3], .loss)
  }

  private func exponentialSum(_ values: [Double]) -> Double {
    // Of small values; the series of the exponential function needs no library.
    func power(_ x: Double) -> Double {
      var (sum, term) = (1.0, 1.0)
      for n in 1..<60 {
        term *= x / Double(n)
        sum += term
      }
      return sum
    }
    let total = values.reduce(0) { $0 + power($1) }
    // Newton's method for log(total).
    var y = 1.0
    for _ in 0..<60 { y += total / power(y) - 1 }
    return y
  }

  @Test func targetsThatAHeadCannotHaveAreRefused() throws {
    var model = try TinyModel.load()
    try model.addHead("c", HeadSettings(.classification, labels: ["a", "b"]), seed: 1)
    try model.addHead("t", HeadSettings(.tagging, labels: ["O", "x"]), seed: 2)
    let batch = Batch(ids)
    func refused(_ targets: [Target], _ heads: [String]?) -> LossTargetError? {
      do { _ = try model(batch, targets: targets, heads: heads) } catch { return error as? LossTargetError }
      return nil
    }
    let labels: [Target] = [.label(0), .label(1), .label(0)]
    #expect(refused(labels, []) == .noHead)
    #expect(refused(Array(labels.dropLast()), ["c"]) == .count(head: "c", found: 2, expected: 3))
    #expect(refused([.label(0), .label(2), .label(0)], ["c"]) == .label(head: "c", row: 1, label: 2, outputs: 2))
    #expect(refused([.value(0), .value(2), .value(1)], ["c"]) == .kind(head: "c", task: "classification", row: 0))
    #expect(
      refused([.tokens([0]), .tokens([0, 1, 0]), .tokens([])], ["t"])
        == .tokens(head: "t", row: 0, found: 1, expected: 7))
  }
}
