import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Heads
import Tensors
import TestSupport
import Testing

@testable import Training

/// What is particular to adapters of DeBERTa v1.
@Suite struct FirstGenerationTests {
  private static let base = "deberta-v1"

  /// Ten steps of AdamW on one batch: the loss falls, and the gradients before and after are what differences say.
  @Test(
    arguments: [
      "lora[attn_matrices=['q', 'k', 'v'], r=3, alpha=7]", "seq_bn[non_linearity='gelu']",
      "ia3[attn_matrices=['q', 'v'], output_lora=True]", "dora[r=2, alpha=4]", "prefix_tuning_flat[prefix_length=3]",
    ], ["deberta-v1", "deberta-v1-talking"])
  func tenTrainingStepsMakeTheLossFall(_ preset: String, _ base: String) throws {
    var model = try TinyModel.load(base)
    try model.addRandom(preset, named: "a", seed: 11)
    try model.addHead("h", HeadSettings(.classification, labels: ["x", "y", "z"], layers: 2, activation: .tanh))
    var subject = TrainingSubject(try model.trainable(.adapter("a"), heads: ["h"], folder: Fixtures.base(base)))
    subject.task = (["h"], [.label(2), .label(0), .label(1), .label(0)], CrossEntropyOptions())
    try subject.expectGradients()
    let parameters = subject.model.parameters.map {
      TrainedParameter(name: $0.name, value: $0.value, decays: false)
    }
    let optimizer = Optimizer(AdamW(weightDecay: 0), for: parameters)
    var losses: [Float] = []
    for _ in 0..<10 {
      let step = try subject.step()
      losses += step.loss
      optimizer.step(Gradients(step.gradients), rate: 5e-3, on: subject.model.compute)
    }
    try #require(losses.count == 10)
    #expect(losses[9] < 0.8 * losses[0], "\(losses)")
    try subject.expectGradients()
  }

  /// 'q' of the reference is the first third of the fused rows: queries, keys and values of the first heads.
  @Test func loraOnQChangesTheFirstThirdOfTheFusedRows() throws {
    var model = try TinyModel.load(Self.base)
    try model.addRandom("lora[attn_matrices=['q'], r=3, alpha=7]", named: "a", seed: 11)
    func rows(_ model: DebertaV2AdapterModel) -> Tensor {
      model.compute.unpacked(model.linear(.queryKeyValue, layer: 1).weight)
    }
    let before = rows(model)
    try model.mergeAdapter("a")
    let after = rows(model)
    for row in 0..<144 {
      let (old, new) = (before.rows(row..<row + 1).array, after.rows(row..<row + 1).array)
      #expect((old == new) == (row >= 48), "row \(row)")
    }
  }

  /// alpha also multiplies the rows that were not chosen.
  @Test func alphaOfIA3MultipliesEveryFusedRow() throws {
    var model = try TinyModel.load(Self.base)
    try model.addRandom("ia3[attn_matrices=['k'], alpha=2, intermediate_lora=False]", named: "a", seed: 11)
    let before = model.compute.unpacked(model.linear(.queryKeyValue, layer: 0).weight)
    try model.mergeAdapter("a")
    let after = model.compute.unpacked(model.linear(.queryKeyValue, layer: 0).weight)
    for row in [0, 47, 96, 143] {
      expectClose(after.rows(row..<row + 1).array, before.rows(row..<row + 1).array.map { 2 * $0 }, .exact)
    }
    expectFarOff(after.rows(48..<96).array, before.rows(48..<96).array.map { 2 * $0 })
  }

  @Test func aStackOfTwoLoRAsIsRefusedBecauseTheFusedProjectionIsNotSquare() throws {
    var model = try TinyModel.load(Self.base)
    for name in ["a", "b"] { try model.addRandom("lora[r=2]", named: name, seed: 11) }
    let error = try #require(throws: CompositionError.self) {
      _ = try model(TinyModel.ids([5]), setup: .composition(Composition("Stack(a, b)")))
    }
    #expect(error.description.contains("attention.self.in_proj"), "\(error)")
    // Their sum is what PEFT would make of them.
    _ = try model(TinyModel.ids([5]), setup: .composition(Composition("Sum(a, b)")))
  }

  /// What is made for one generation says so when it meets the other.
  @Test(arguments: [("v3", "deberta-v1", "deberta-v2", "deberta"), ("deberta-v1", "v3", "deberta", "deberta-v2")])
  func anAdapterOrHeadOfTheOtherGenerationIsRefusedWithTheReason(
    _ own: String, _ other: String, _ made: String, _ found: String
  ) throws {
    let folder = try TemporaryFolder()
    var model = try TinyModel.load(own)
    try model.addRandom("seq_bn", named: "a", seed: 11)
    try model.addHead("h", HeadSettings(.classification, labels: ["x", "y"], layers: 1))
    try model.saveAdapter("a", to: folder.path("a"))
    try model.saveHead("h", to: folder.path("h"))
    var same = try TinyModel.load(own)
    try same.loadAdapter(folder.path("a"))
    try same.loadHead(folder.path("h"))
    var wrong = try TinyModel.load(other)
    for message in [
      refusal { try wrong.loadAdapter(folder.path("a")) }, refusal { try wrong.loadHead(folder.path("h")) },
    ] {
      let text = try #require(message)
      #expect(text.contains("'model_type' is '\(made)'") && text.contains("'\(found)'"), "\(text)")
      #expect(text.contains("different layers"), "\(text)")
    }
  }

  /// The bias that `adapters` gives the fused projection is read, acts, and is trained with the base.
  @Test func aBiasOfTheFusedProjectionActsAndIsTrained() throws {
    let folder = try TemporaryFolder()
    let source = try CheckpointFolder(path: Fixtures.base(Self.base))
    var tensors = try source.weights.outgoing
    let name = "encoder.layer.1.attention.self.in_proj.bias"
    tensors.append(OutgoingTensor(name: name, shape: [144], values: (0..<144).map { Float($0 % 7) / 10 - 0.3 }))
    try Safetensors.write(tensors, to: folder.path("model.safetensors"))
    try AtomicFile.write(source.configuration, to: folder.path("config.json"))
    let model = try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
    let ids = TinyModel.ids([9, 4])
    expectFarOff(try model(ids).values, try TinyModel.load(Self.base)(ids).values)
    let subject = TrainingSubject(try model.trainable(nil, heads: [], part: .everything, folder: folder.path))
    #expect(subject.model.parameters.contains { $0.name == "deberta." + name })
    try subject.expectGradients()
  }
}
