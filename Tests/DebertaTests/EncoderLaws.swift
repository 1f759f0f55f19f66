import AdapterHost
import Checkpoints
import Deberta
import Kernels
import Tensors
import TestSupport
import Testing

/// What holds for every encoder, without adapters.
@Suite struct EncoderLaws {
  private let lengths = [7, 1, 23, 12, 40]

  @Test(arguments: bases)
  func everyInputMatters(_ base: String) throws {
    let model = try TinyModel.load(base)
    let text = TinyModel.ids([23])[0]
    let plain = try model.values(text)
    for token in [0, 11, 22] {
      var other = text
      other[token] = other[token] % 96 + 1
      expectFarOff(try model.values(other), plain, "token \(token)")
    }
    expectFarOff(try model.values(text.reversed()), plain)
  }

  @Test(arguments: bases)
  func paddingAndBatchMatesChangeNoBit(_ base: String) throws {
    let model = try TinyModel.load(base)
    let rows = TinyModel.ids(lengths)
    let alone = try rows.map { try model.values($0) }
    let together = try model(rows)
    let padded = try model.values(
      rows.map { $0.map(Int.init) + Array(repeating: 0, count: 40 - $0.count) },
      .tokens(rows.map { $0.map { _ in 1 } + Array(repeating: 0, count: 40 - $0.count) }))
    for row in rows.indices {
      expectClose(together.values(row: row), alone[row], .exact, "row \(row)")
      expectClose(padded[row], alone[row], .exact, "padded row \(row)")
    }
  }

  @Test(arguments: bases)
  func permutingRowsPermutesOutputs(_ base: String) throws {
    let model = try TinyModel.load(base)
    let rows = TinyModel.ids(lengths)
    let order = [3, 0, 4, 2, 1]
    let (plain, permuted) = (try model(rows), try model(order.map { rows[$0] }))
    for (place, row) in order.enumerated() {
      expectClose(permuted.values(row: place), plain.values(row: row), .exact)
    }
  }

  @Test(arguments: bases)
  func equalCallsGiveEqualBitsForAnyNumberOfThreads(_ base: String) throws {
    let rows = TinyModel.ids(lengths)
    let outputs = try [1, 1, 2, 3].map { try TinyModel.load(base, Compute(threads: $0))(rows).values }
    for output in outputs.dropFirst() { expectClose(output, outputs[0], .exact) }
    let model = try TinyModel.load(base)
    expectClose(try model(rows).values, outputs[0], .exact)
    expectClose(try model(rows).values, outputs[0], .exact)
  }

  @Test(arguments: bases)
  func everyInstructionSetComputesTheSameModel(_ base: String) throws {
    let rows = TinyModel.ids(lengths)
    let sets = VectorKernels.InstructionSet.allCases.compactMap { VectorKernels($0) }
    let outputs = try sets.map { try TinyModel.load(base, Compute(kernels: $0))(rows).values }
    for output in outputs.dropFirst() { expectClose(output, outputs[0], .model) }
    #expect(outputs.count >= 1)
  }

  @Test(arguments: bases)
  func rowsWithoutTokensAreEmptyAndDisturbNobody(_ base: String) throws {
    let model = try TinyModel.load(base)
    let rows = TinyModel.ids([7, 0, 12, 0])
    let output = try model(rows)
    #expect(output.rowCount == 4)
    #expect(output.values(row: 1).isEmpty && output.values(row: 3).isEmpty)
    expectClose(output.values(row: 0), try model.values(rows[0]), .exact)
    expectClose(output.values(row: 2), try model.values(rows[2]), .exact)
    #expect(try model([]).rowCount == 0)
    #expect(try model([[]]).values.isEmpty)
  }

  /// The table of positions has 16 rows to each side; relative positions go on for ever.
  @Test(arguments: relativeBases + ["v2conv"])
  func textsFarLongerThanTheModelsPositionsWork(_ base: String) throws {
    let model = try TinyModel.load(base)
    let rows = TinyModel.ids([1100, 600, 30])
    let output = try model(rows)
    #expect(output.values.allSatisfy { $0.isFinite })
    for row in rows.indices { expectClose(output.values(row: row), try model.values(rows[row]), .exact) }
    var other = rows[0]
    other[1099] = other[1099] % 96 + 1
    let changed = try model.values(other)
    expectFarOff(tokens(changed, 1000..<1100), tokens(output.values(row: 0), 1000..<1100))
    #expect(tokens(changed, 0..<50) != tokens(output.values(row: 0), 0..<50), "the last token reaches the first ones")
  }

  /// Far apart and beside each other, in the two ways of computing: by gaps in positions, and by hiding.
  @Test(arguments: relativeBases)
  func tokensFarApartKnowTheirDistance(_ base: String) throws {
    let model = try TinyModel.load(base)
    let text = ids(700)
    let mask = (0..<700).map { $0 % 37 == 0 || (300..<320).contains($0) ? 1 : 0 }
    let kept = mask.indices.filter { mask[$0] == 1 }
    let pairs = (0..<700).map { query in
      (0..<700).map { query == $0 || mask[query] + mask[$0] == 2 ? 1 : 0 }
    }
    let holes = try model.values([text], .tokens([mask]))[0]
    expectClose(holes, tokens(try model.values([text], .pairs([pairs]))[0], kept), .model)
    expectFarOff(try model.values(kept.map { Int32(text[$0]) }), holes)
  }

  @Test(arguments: ["abs", "norel"])
  func aTextLongerThanTheAbsolutePositionsIsRefused(_ base: String) throws {
    let model = try TinyModel.load(base)
    #expect(try model(TinyModel.ids([40])).rowCount == 1)
    let error = try #require(throws: InputError.self) { try model(TinyModel.ids([3, 41])) }
    #expect(error.description.contains("41 tokens") && error.description.contains("40"))
    // A short text at far positions is as long as those are.
    let mask = (0..<41).map { $0 < 3 || $0 == 40 ? 1 : 0 }
    #expect(throws: InputError.self) { try model.values([ids(41)], .tokens([mask])) }
  }

  @Test func anIdOutsideTheVocabularyIsRefusedByItsPlace() throws {
    let model = try TinyModel.load()
    for wrong: Int32 in [-1, 97, .max] {
      let error = try #require(throws: InputError.self) { try model([[1, 2, 3], [4, 5, wrong]]) }
      #expect(error.description.contains("\(wrong) at row 1, column 2"), "\(error)")
    }
  }

  @Test func theAdvisedLengthIsThatOfTheTable() throws {
    #expect(try TinyModel.shape("v3").advisedLength == 1 + (2 * 16 - 1) * 3)
    #expect(try TinyModel.shape("noshare").advisedLength == 1 + (2 * 40 - 1) * 3)
    #expect(try TinyModel.shape("norel").advisedLength == nil)
  }

  @Test(arguments: bases)
  func tokenTypesCountWhereTheModelHasThem(_ base: String) throws {
    let model = try TinyModel.load(base)
    let ids = TinyModel.ids([12])
    let zero = try model(Batch(ids, tokenTypes: [Array(repeating: 0, count: 12)])).values
    expectClose(zero, try model(ids).values, .exact)
    guard model.configuration.typeVocabularySize > 1 else { return }
    expectFarOff(
      try model(Batch(ids, tokenTypes: [Array(repeating: 0, count: 6) + Array(repeating: 1, count: 6)])).values, zero)
  }

  @Test(arguments: bases)
  func recordingChangesNothingAndRecordsEveryLayer(_ base: String) throws {
    let model = try TinyModel.load(base)
    let rows = TinyModel.ids(lengths)
    let plain = try model(rows).values
    let trace = Trace([.hiddenStates, .attentions])
    let output = try model(Batch(rows), trace: trace)
    expectClose(output.values, plain, .exact)
    try #require(trace.hiddenStates.count == 4)
    expectClose((0..<rows.count).flatMap { output.states(trace.hiddenStates[3], row: $0).array }, plain, .exact)
    expectFarOff(trace.hiddenStates[2].array, trace.hiddenStates[3].array)
    try #require(trace.attentions.count == 3)
    for maps in trace.attentions {
      #expect(maps.map(\.rows) == lengths.map { 4 * $0 } && maps.map(\.columns) == lengths)
      for map in maps {
        // Heads that talk mix their probabilities.
        if model.configuration.hasTalkingHeads { continue }
        let sums = (0..<map.rows).map { map.rows($0..<$0 + 1).array.reduce(0, +) }
        expectClose(sums, sums.map { _ in Float(1) }, .op)
      }
    }
  }

  /// Nothing that is done with an encoder changes a byte of it.
  @Test func passesAndBindingsLeaveTheWeightsAsTheyAre() throws {
    let folder = try CheckpointFolder(path: Fixtures.base("v3"))
    let shape = try DebertaV2Configuration(json: folder.configuration, file: "config.json")
    let ledger = WeightLedger(folder.weights) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : $0 }
    let encoder = try Encoder(WeightReader(ledger, TinyModel.compute), shape)
    func weights(_ encoder: Encoder) -> [Float] {
      (0..<3).flatMap { layer in
        shape.family.projections.flatMap { place in
          let linear = encoder.linear(place, layer: layer)
          return TinyModel.compute.unpacked(linear.weight).array + (linear.bias?.array ?? [])
        }
      }
    }
    let before = weights(encoder)
    // The file's own values, of one layer.
    let stored = try #require(
      folder.weights["encoder.layer.1.intermediate.dense.weight"]
        ?? folder.weights["deberta.encoder.layer.1.intermediate.dense.weight"])
    expectClose(TinyModel.compute.unpacked(encoder.linear(.up, layer: 1).weight).array, try stored.floats(), .exact)
    let adapter = try Adapter.random(
      "lora[attn_matrices=['q', 'k', 'v'], intermediate_lora=True, output_lora=True]", for: shape, seed: 1)
    let merged = try #require(adapter.method.merged(adapter.parameters, into: encoder))
    _ = try adapter.method.hooks(adapter.parameters, named: "a", in: encoder, on: Pass(encoder.compute))
    let batch = Batch(TinyModel.ids(lengths))
    _ = encoder(batch, AdapterPlan(base: encoder, rows: lengths.count), on: Pass(TinyModel.compute))
    expectClose(weights(encoder), before, .exact)
    expectFarOff(weights(merged), before)
  }
}
