import AdapterHost
import Deberta
import Kernels
import Tensors
import TestSupport
import Testing

/// What holds where the linear layers of the base model are computed with rounded weights.
@Suite struct PrecisionLaws {
  private static let roundings = [Precision.int8, .bf16]
  private let rows = TinyModel.ids([7, 1, 23, 12, 40])

  @Test(arguments: bases, roundings)
  func hiddenStatesAreNearThoseOfFloat32AndNotEqualToThem(_ base: String, _ precision: Precision) throws {
    let model = try TinyModel.load(base, Compute(precision: precision))
    let rounding = try #require(precision.rounding)
    let places = ProjectionPlace.allCases.filter {
      model.configuration.family == .v1
        ? ![.query, .key, .value].contains($0) : $0 != .queryKeyValue
    }
    #expect(places.allSatisfy { model.linear($0, layer: 0).weight.type == .rounded(rounding) })
    let (rounded, exact) = (try model(rows).values, try TinyModel.load(base)(rows).values)
    expectFarOff(rounded, exact, by: .op)
    expectClose(rounded, exact, .rounded, sizes: exact.map { abs(Double($0)) + 1 })
  }

  /// float32 named is float32 by default, bit for bit.
  @Test func float32IsWhatIsComputedUnlessAnotherPrecisionIsNamed() throws {
    expectClose(
      try TinyModel.load("v3", Compute(precision: .float32))(rows).values, try TinyModel.load("v3")(rows).values, .exact
    )
  }

  @Test(arguments: bases, roundings)
  func batchMatesThreadsAndOrderChangeNoBitOfWhatIsRounded(_ base: String, _ precision: Precision) throws {
    let model = try TinyModel.load(base, Compute(precision: precision))
    let together = try model(rows)
    for (row, ids) in rows.enumerated() {
      expectClose(together.values(row: row), try model.values(ids), .exact, "row \(row)")
    }
    for threads in [1, 3] {
      let own = try TinyModel.load(base, Compute(threads: threads, precision: precision))
      expectClose(try own(rows).values, together.values, .exact, "\(threads) threads")
    }
  }

  /// Adapters and heads stay in float32; methods that need the base's weights get those that products see.
  @Test(
    arguments: [
      "lora[r=3, alpha=5]", "dora[r=3, alpha=5, attn_matrices=['q', 'v']]", "ia3", "double_seq_bn",
      "lora[r=3, alpha=5, selfattn_lora=True, intermediate_lora=True, output_lora=True]",
    ], roundings)
  func adaptersActAsTheyDoOverFloat32(_ preset: String, _ precision: Precision) throws {
    func change(_ compute: Compute) throws -> (plain: [Float], applied: [Float]) {
      var model = try TinyModel.load("v3", compute)
      let plain = try model(rows).values
      try model.addRandom(preset, named: "a", seed: 3)
      expectClose(try model(rows, setup: .composition(nil)).values, plain, .exact, "off is off")
      return (plain, try model(rows, setup: .composition(.adapter("a"))).values)
    }
    let (rounded, exact) = (try change(Compute(precision: precision)), try change(TinyModel.compute))
    expectFarOff(rounded.applied, rounded.plain)
    expectClose(rounded.applied, exact.applied, .rounded, sizes: exact.applied.map { abs(Double($0)) + 1 })
  }

  /// Rows of a mixed batch equal the rows alone.
  @Test(arguments: roundings)
  func rowsOfAMixedBatchEqualTheSameRowsAloneInEveryPrecision(_ precision: Precision) throws {
    var model = try TinyModel.load("v3", Compute(precision: precision))
    try model.addRandom("lora[r=3, alpha=5, attn_matrices=['q', 'k', 'v']]", named: "a", seed: 3)
    try model.addRandom("seq_bn[reduction_factor=4]", named: "b", seed: 4)
    let setup = try Composition("BatchSplit(a, b, batch_sizes=[2, 3])")
    let mixed = try model(rows, setup: .composition(setup))
    for (row, ids) in rows.enumerated() {
      let own = try model([ids], setup: .composition(.adapter(row < 2 ? "a" : "b"))).values
      expectClose(mixed.values(row: row), own, .exact, "row \(row)")
    }
  }

  /// A merged adapter's places are in float32: its weight is that of products, with the change added.
  @Test(arguments: roundings)
  func mergingActsAsTheAdapterDoesAndResettingRestoresEveryBit(_ precision: Precision) throws {
    var model = try TinyModel.load("v3", Compute(precision: precision))
    try model.addRandom("lora[r=3, alpha=5, attn_matrices=['q', 'k', 'v']]", named: "a", seed: 3)
    let plain = try model(rows).values
    let applied = try model(rows, setup: .composition(.adapter("a"))).values
    try model.mergeAdapter("a")
    let merged = try model(rows).values
    expectFarOff(merged, plain)
    expectClose(merged, applied, .rounded, sizes: applied.map { abs(Double($0)) + 1 })
    model.resetAdapter()
    expectClose(try model(rows).values, plain, .exact)
  }

  @Test(arguments: roundings)
  func whatNeedsTheCheckpointsWeightsIsRefused(_ precision: Precision) throws {
    let model = try TinyModel.load("v3", Compute(precision: precision))
    let folder = try TemporaryFolder()
    let refusals = [
      refusal { _ = try model.trainable(nil, heads: [], part: .everything) },
      refusal { try model.savePretrained(to: folder.path("whole")) },
    ]
    for reason in refusals { #expect(reason?.contains("computed in \(precision.rawValue)") == true, "\(reason ?? "")") }
    #expect(refusal { _ = try TinyModel.load().trainable(nil, heads: [], part: .everything) } == nil)
  }
}
