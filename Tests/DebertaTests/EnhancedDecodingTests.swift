import AdapterHost
import Checkpoints
import Deberta
import Tensors
import TestSupport
import Testing

@Suite struct EnhancedDecodingTests {
  private let batch = Batch(TinyModel.ids([7, 1, 12]))

  private func encoder(_ base: String) throws -> Encoder {
    let folder = try CheckpointFolder(path: Fixtures.base(base))
    let shape = try DebertaV2Configuration(json: folder.configuration, file: "config.json")
    let ledger = WeightLedger(folder.weights) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : $0 }
    return try Encoder(WeightReader(ledger, TinyModel.compute), shape)
  }

  /// The last hidden states, and those of an enhanced decoder.
  private func states(_ base: String, positions: Float, iterations: Int) throws -> (last: [Float], enhanced: [Float]) {
    let encoder = try encoder(base)
    let pass = Pass(encoder.compute)
    let plan = AdapterPlan(base: encoder, rows: 3)
    let encoded = encoder(batch, plan, on: pass)
    var random = RandomNumbers(seed: 3)
    let table = Tensor((0..<12 * 48).map { _ in positions * random.normal() }, rows: 12, columns: 48)
    let enhanced = encoder.enhanced(encoded, plan, positions: table, iterations: iterations, on: pass)
    return (encoded.hidden.array, enhanced.array)
  }

  @Test(arguments: bases)
  func positionsAndFurtherIterationsChangeTheStates(_ base: String) throws {
    let once = try states(base, positions: 0, iterations: 1)
    expectFarOff(try states(base, positions: 1, iterations: 1).enhanced, once.enhanced)
    expectFarOff(try states(base, positions: 0, iterations: 2).enhanced, once.enhanced)
    expectFarOff(
      try states(base, positions: 0, iterations: 3).enhanced, try states(base, positions: 0, iterations: 2).enhanced)
  }

  /// Then the queries are what the last layer read, as in the pass.
  @Test(arguments: bases)
  func withoutPositionsOneIterationIsTheLastLayer(_ base: String) throws {
    let states = try states(base, positions: 0, iterations: 1)
    expectClose(states.enhanced, states.last, .exact)
  }

  @Test func noIterationIsWhatTheLastLayerReadWithItsPositions() throws {
    let plain = try states("v3", positions: 0, iterations: 0).enhanced
    let moved = try states("v3", positions: 1, iterations: 0).enhanced
    var random = RandomNumbers(seed: 3)
    let table = (0..<12 * 48).map { _ in random.normal() }
    let expected = [0..<7, 0..<1, 0..<12].flatMap { Array(table[$0.lowerBound * 48..<$0.upperBound * 48]) }
    expectClose(zip(moved, plain).map { Double($0) - Double($1) }, expected, .model)
  }
}
