import AdapterHost
import AdapterMethods
import Deberta
import Foundation
import Model
import Tensors
import TestSupport
import Testing

@testable import Training

/// Adapters that are left out of lower layers while they are trained.
@Suite struct AdapterDropLaws {
  private static let presets = [
    "lora[attn_matrices=['q', 'k', 'v'], r=3, alpha=7]", "double_seq_bn[reduction_factor=8]",
    "dora[attn_matrices=['q', 'k']]|loreft[suffix_positions=2]", "prefix_tuning_flat[prefix_length=3]",
  ]

  /// A parameter of a layer below.
  private func isBelow(_ layer: Int, _ name: String) -> Bool {
    (0..<layer).contains { name.contains("layer.\($0).") }
  }

  @Test(arguments: presets)
  func whatIsLeftOutHasNoGradientAndTheRestIsWhatDifferencesSay(_ preset: String) throws {
    let subject = try TrainingSubject(["a": preset], setup: "a")
    let whole = try subject.step()
    // Negative control: without it every layer counts.
    #expect(whole.gradients.allSatisfy { $0 != nil })
    let step = try subject.step(skippingLayersBelow: 2)
    expectFarOff(step.loss, whole.loss)
    for (parameter, gradient) in zip(subject.model.parameters, step.gradients) where isBelow(2, parameter.name) {
      #expect(gradient == nil, "\(parameter.name)")
    }
    try subject.expectGradients(skippingLayersBelow: 2)
  }

  @Test(arguments: presets)
  func withNothingLeftOutItIsTheAdapterAndWithAllLeftOutTheBase(_ preset: String) throws {
    let subject = try TrainingSubject(["a": preset], setup: "a")
    let base = TrainingSubject(
      try TinyModel.load().trainable(nil, heads: [], folder: Fixtures.base("v3")))
    expectFarOff([try subject.loss()], [try base.loss()])
    expectClose([try subject.loss(skippingLayersBelow: 0)], [try subject.loss()], .exact)
    expectClose([try subject.loss(skippingLayersBelow: 3)], [try base.loss()], .exact)
  }

  /// The same values under a configuration that leaves those layers out.
  @Test func skippingLayersIsLeavingThemOut() throws {
    let shape = try TinyModel.shape()
    let whole = try Adapter.random("lora[r=3, alpha=7]", for: shape, seed: 11)
    let method = try MethodCatalog.standard.method(preset: "lora[r=3, alpha=7, leave_out=[0, 1]]")
    let specs = try method.parameters(for: shape)
    let part = Adapter(
      method: method,
      parameters: AdapterParameters(
        specs, Dictionary(uniqueKeysWithValues: specs.map { ($0.id, whole.parameters[$0]) })))
    func subject(_ adapter: Adapter) throws -> TrainingSubject {
      var model = try TinyModel.load()
      try model.add(adapter, named: "a")
      return TrainingSubject(try model.trainable(.adapter("a"), heads: [], folder: Fixtures.base("v3")))
    }
    let (dropped, left) = (try subject(whole), try subject(part))
    expectClose([try dropped.loss(skippingLayersBelow: 2)], [try left.loss()], .exact)
    let ours = try dropped.step(skippingLayersBelow: 2)
    let theirs = try left.step()
    for (parameter, gradient) in zip(left.model.parameters, theirs.gradients) {
      let index = try #require(dropped.model.parameters.firstIndex { $0.name == parameter.name })
      expectClose(try #require(ours.gradients[index]).array, try #require(gradient).array, .exact, parameter.name)
    }
  }
}

/// States of lower layers that are kept.
@Suite struct PrefixCacheLaws {
  private static let width = 48

  /// Examples of one sequence, and of two.
  private static let data: TrainingDataset = {
    let sequences = TinyModel.ids([5, 9, 1, 14, 3, 22, 7, 6], seed: 8).map {
      TokenSequence(ids: $0, tokenTypes: $0.map { _ in 0 })
    }
    let examples =
      sequences.prefix(6).map { TrainingExample(sequences: [$0], target: .label(0)) }
      + [TrainingExample(sequences: Array(sequences.suffix(2)), target: .label(0))]
    return TrainingDataset(
      task: .classification, examples: examples, lines: Array(1...examples.count), questions: [],
      truncation: TruncationReport(), maximumLength: nil, faults: DataFaults(path: "data"))
  }()

  private struct Setup: Sendable, CustomTestStringConvertible {
    let setup: String
    /// The lowest layers in which nothing acts.
    let layers: Int
    let rows: Int
    var testDescription: String { setup }
  }

  private static let setups = [
    Setup(setup: "a", layers: 1, rows: 4), Setup(setup: "b", layers: 2, rows: 4),
    Setup(setup: "Stack(b, a)", layers: 1, rows: 4), Setup(setup: "Parallel(b, a, b)", layers: 1, rows: 12),
    Setup(setup: "BatchSplit(b, a, batch_sizes=[1, 3])", layers: 1, rows: 4),
  ]

  private func model(_ setup: String) throws -> TrainableModel {
    var model = try TinyModel.load()
    try model.addRandom("lora[attn_matrices=['q', 'k', 'v'], leave_out=[0], r=3, alpha=7]", named: "a", seed: 11)
    try model.addRandom("double_seq_bn[leave_out=[0, 1], non_linearity='tanh']", named: "b", seed: 12)
    return try model.trainable(Composition(setup), heads: [], folder: Fixtures.base("v3"))
  }

  /// The last hidden states of some examples.
  private static func output(
    _ model: TrainableModel, _ indices: [Int], _ cache: PrefixCache?, on pass: Pass
  ) throws -> ModelOutput {
    let bound = try model.bound(on: pass)
    let batch = Batch(indices.map { data.examples[$0] })
    return try bound(
      batch, .composition(model.setup), heads: [], from: cache?.states(of: indices, batch, bound.encoder), on: pass)
  }

  /// The loss and gradients of a batch.
  private func step(
    _ model: TrainableModel, _ indices: [Int], _ cache: PrefixCache?
  ) throws -> (rows: Int, values: [[Float]]) {
    let tape = Tape(model.compute)
    for parameter in model.parameters { tape.watch(parameter.value) }
    let pass = Pass(model.compute, tape: tape)
    let output = try Self.output(model, indices, cache, on: pass)
    let loss = Projection().loss(output.packedStates, on: pass)
    tape.backward(from: loss)
    return (
      output.rowCount,
      [output.values, loss.array]
        + model.parameters.map { tape.gradient(of: $0.value)?.array ?? [] }
    )
  }

  /// Four rows each; the second asks for some of the first again, beside new ones.
  private static let batches = [[0, 5, 2, 1], [3, 1, 4, 0], [5, 4, 3, 2], [6, 0, 2], [2, 6, 3], [0, 5, 2, 1]]

  /// All states in memory, those of the first examples alone, and none: the rest is in the file.
  @Test(arguments: setups, [1 << 20, 15 * 48 * 4, 0])
  private func cachedStatesChangeNoBitOfLossAndGradients(_ setup: Setup, _ memory: Int) throws {
    let model = try model(setup.setup)
    #expect(try model.unhookedLayers() == setup.layers)
    let folder = try TemporaryFolder()
    let cache = try PrefixCache(
      Self.data, layers: setup.layers, hiddenSize: Self.width, memory: memory, folder: folder.path)
    for _ in 0..<2 {
      for batch in Self.batches {
        let plain = try step(model, batch, nil)
        let cached = try step(model, batch, cache)
        #expect(cached.rows == setup.rows && plain.rows == setup.rows)
        #expect(plain.values.dropFirst(2).contains { !$0.isEmpty })
        for (ours, theirs) in zip(cached.values, plain.values) { expectClose(ours, theirs, .exact, "\(batch)") }
      }
    }
    // The file has no name, so nothing of it stays.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }

  /// Negative control: what the cache holds is what is read, and not computed again.
  @Test(arguments: [1 << 20, 0])
  func whatIsKeptIsNotComputedAgain(_ memory: Int) throws {
    let folder = try TemporaryFolder()
    let model = try model("a")
    let cache = try PrefixCache(
      Self.data, layers: 1, hiddenSize: Self.width, memory: memory, folder: folder.path)
    let first = try step(model, [0, 5], cache)
    let batch = Batch([Self.data.examples[0], Self.data.examples[5]])
    func states(_ base: String, _ cache: PrefixCache) throws -> [Float] {
      let bound = try TinyModel.load(base).trainable(nil, heads: [], folder: Fixtures.base(base))
        .bound(on: Pass(TinyModel.compute))
      return cache.states(of: [0, 5], batch, bound.encoder).states.array
    }
    func fresh() throws -> PrefixCache {
      try PrefixCache(Self.data, layers: 1, hiddenSize: Self.width, memory: memory, folder: folder.path)
    }
    let own = try states("v3", fresh())
    expectFarOff(try states("noshare", fresh()), own)
    // Whatever encoder asks, it gets what the first one left.
    expectClose(try states("noshare", cache), own, .exact)
    let again = try step(model, [0, 5], cache)
    for (ours, theirs) in zip(again.values, first.values) { expectClose(ours, theirs, .exact) }
  }

  @Test func aCacheThatCannotMakeItsFileSaysSo() throws {
    let folder = try TemporaryFolder().path + "/is/not/there"
    // Negative control: where memory is enough, no file is needed.
    _ = try PrefixCache(Self.data, layers: 1, hiddenSize: Self.width, memory: 1 << 20, folder: folder)
    let error = try #require(throws: PrefixCacheError.self) {
      _ = try PrefixCache(Self.data, layers: 1, hiddenSize: Self.width, memory: 100, folder: folder)
    }
    #expect(error == .cannotCreate(folder: folder, reason: "No such file or directory"))
    #expect(error.description.contains(folder) && error.description.contains("Give more memory, another folder"))
  }

  /// Recomputation and the cache together.
  @Test func recomputedGradientsOfCachedStatesHaveTheSameBits() throws {
    let model = try model("Stack(b, a)")
    let folder = try TemporaryFolder()
    let cache = try PrefixCache(Self.data, layers: 1, hiddenSize: Self.width, memory: 0, folder: folder.path)
    func gradients(_ recomputes: Bool) throws -> [[Float]] {
      let tape = Tape(model.compute)
      for parameter in model.parameters { tape.watch(parameter.value) }
      let pass = Pass(model.compute, tape: tape, dropout: DropoutSeed(seed: 1, step: 2), recomputes: recomputes)
      let output = try Self.output(model, [5, 1], cache, on: pass)
      tape.backward(from: Projection().loss(output.packedStates, on: pass))
      return model.parameters.map { tape.gradient(of: $0.value)?.array ?? [] }
    }
    for (ours, theirs) in zip(try gradients(true), try gradients(false)) { expectClose(ours, theirs, .exact) }
  }
}
