import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import TestSupport
import Testing

/// A method of PEFT with some settings.
struct PeftExample: Sendable, CustomTestStringConvertible {
  let preset: String
  /// Whether a fresh adapter leaves the model as it is.
  var startsAsTheBase = true
  /// Whether its effect is a change of weights.
  var canMerge = true
  var promptLength = 0

  var testDescription: String { preset }

  static let all = [
    PeftExample(preset: "peft_lora[r=3, lora_alpha=2, target_modules='all-linear']"),
    PeftExample(
      preset: "peft_lora[r=2, lora_alpha=5, target_modules=['key_proj', 'word_embeddings', 'output.dense'], "
        + "rank_pattern={'key_proj': 4}, alpha_pattern={'layer.1.output.dense': 9}, use_rslora=True]"),
    PeftExample(
      preset: "peft_lora[target_modules=['query_proj'], lora_bias=True, bias='all', exclude_modules='.*layer.2.*']",
      startsAsTheBase: true),
    PeftExample(
      preset: "peft_lora[target_modules=['value_proj'], modules_to_save=['rel_embeddings', 'layer.1.output'], "
        + "trainable_token_indices=[1, 5, 9], layers_to_transform=[0, 2]]"),
    PeftExample(preset: "peft_dora[r=3, lora_alpha=7, target_modules=['query_proj', 'dense', 'word_embeddings']]"),
    PeftExample(preset: "peft_ia3"),
    PeftExample(preset: "peft_ia3[target_modules=['query_proj', 'intermediate.dense'], feedforward_modules=[]]"),
    PeftExample(preset: "peft_vera[r=5, target_modules=['value_proj', 'intermediate.dense']]"),
    PeftExample(preset: "peft_vera[r=4, save_projection=False, projection_prng_key=3, d_initial=0.5]"),
    PeftExample(preset: "adalora[init_r=5, lora_alpha=6, target_modules=['query_proj', 'output.dense']]"),
    PeftExample(preset: "loha[r=3, alpha=6, target_modules=['key_proj', 'intermediate.dense']]"),
    PeftExample(preset: "lokr[r=1, alpha=3, decompose_both=True, target_modules=['query_proj', 'output.dense']]"),
    PeftExample(preset: "lokr[r=64, alpha=64]"),
    PeftExample(preset: "oft[oft_block_size=4, target_modules=['query_proj', 'output.dense'], bias='oft_only']"),
    PeftExample(preset: "oft[oft_block_size=0, r=4, block_share=True, use_cayley_neumann=False]"),
    PeftExample(preset: "oft[oft_block_size=6, coft=True, eps=0.3, num_cayley_neumann_terms=4]"),
    PeftExample(preset: "boft[boft_block_size=4, target_modules=['key_proj', 'intermediate.dense']]"),
    PeftExample(preset: "hra[r=4, target_modules=['query_proj', 'output.dense']]"),
    PeftExample(preset: "hra[r=3, apply_GS=True]", startsAsTheBase: false),
    PeftExample(
      preset: "fourierft[n_frequency=40, scaling=20.0, n_frequency_pattern={'intermediate.dense': 50}, "
        + "target_modules=['query_proj', 'intermediate.dense']]", startsAsTheBase: false),
    PeftExample(preset: "ln_tuning"),
    PeftExample(preset: "trainable_tokens[token_indices=[1, 4, 6, 20]]"),
    PeftExample(
      preset: "peft_prompt_tuning[num_virtual_tokens=3]", startsAsTheBase: false, canMerge: false, promptLength: 3),
  ]

  static let mergeable = all.filter(\.canMerge)
}

/// The laws that every method of PEFT passes.
@Suite struct PeftLaws {
  private func model(_ example: PeftExample, _ base: String = "v3") throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load(base)
    for (name, seed) in [("a", UInt64(11)), ("b", 12)] { try model.addRandom(example.preset, named: name, seed: seed) }
    return model
  }

  private func values(_ model: DebertaV2AdapterModel, _ setup: String?) throws -> [Float] {
    try model(Subject.ids, setup: .composition(setup.map { try Composition($0) })).values
  }

  @Test(arguments: PeftExample.all)
  func anAdapterActsAndWithoutItTheModelIsTheBase(_ example: PeftExample) throws {
    let model = try model(example)
    let plain = try values(model, nil)
    expectClose(plain, try TinyModel.load()(Subject.ids).values, .exact)
    let adapted = try values(model, "a")
    #expect(adapted.allSatisfy { $0.isFinite })
    #expect(adapted.count == plain.count + example.promptLength * Subject.ids.count * model.configuration.hiddenSize)
    if example.promptLength == 0 { expectFarOff(adapted, plain) }
    expectFarOff(try values(model, "b"), adapted)
    expectClose(try values(model, "a"), adapted, .exact)
  }

  @Test(arguments: PeftExample.all)
  func aFreshAdapterIsTheBaseWhereItsMethodSaysSo(_ example: PeftExample) throws {
    var model = try model(example)
    try model.addAdapter("fresh", configuration: example.preset, seed: 3)
    let (fresh, plain) = (try values(model, "fresh"), try values(model, nil))
    if example.startsAsTheBase {
      expectFarOff(try values(model, "a"), plain)
      expectClose(fresh, plain, .model)
    } else {
      #expect(fresh != plain)
    }
  }

  @Test(arguments: PeftExample.mergeable, ["v3", "noshare", "v2conv", "norel", "p2c", "abs"])
  func mergedEqualsApplied(_ example: PeftExample, _ base: String) throws {
    var model = try model(example, base)
    let applied = try values(model, "a")
    expectFarOff(applied, try values(model, nil))
    try model.mergeAdapter("a")
    expectClose(try values(model, nil), applied, .model)
    model.resetAdapter()
    expectClose(try values(model, "a"), applied, .exact)
  }

  @Test(arguments: PeftExample.all)
  func rowsOfAMixedBatchEqualTheRowsAlone(_ example: PeftExample) throws {
    let model = try model(example)
    let both: Composition = example.promptLength > 0 ? .adapter("b") : .sum([.adapter("a"), .adapter("b")])
    let rows: [Composition?] = [.adapter("a"), nil, .adapter("b"), both]
    let mixed = try model(Subject.ids, setup: .rows(rows))
    for (row, composition) in rows.enumerated() {
      let alone = try model([Subject.ids[row]], setup: .composition(composition)).values
      expectClose(mixed.values(row: row), alone, .model, "row \(row)")
    }
    expectFarOff(try values(model, "a"), try values(model, "b"))
  }

  @Test(arguments: PeftExample.all)
  func gradientsAreWhatDifferencesSay(_ example: PeftExample) throws {
    let shape = try TinyModel.shape()
    let adapter = try Adapter.random(example.preset, for: shape, seed: 5)
    try TrainingSubject(adapters: ["a": adapter], setup: "a").expectGradients()
  }

  @Test(arguments: ["noshare", "abs"])
  func gradientsBelowTheLayersAreWhatDifferencesSayInOtherEncoders(_ base: String) throws {
    let preset = "peft_dora[target_modules=['pos_key_proj', 'pos_query_proj', 'word_embeddings', 'embed_proj'], r=2]"
    try TrainingSubject(["a": preset], setup: "a", base: base).expectGradients()
  }

  @Test(arguments: PeftExample.all)
  func whatIsSavedIsWhatIsLoaded(_ example: PeftExample) throws {
    let shape = try TinyModel.shape()
    let folder = try TemporaryFolder()
    let adapter = try Adapter.random(example.preset, for: shape, seed: 5)
    let first = try adapter.save("first", for: shape, in: folder)
    let (name, loaded) = try SavedAdapter.read(first, for: shape)
    #expect(name == "first")
    #expect(loaded.parameters.count == adapter.parameters.count)
    func bits(_ adapter: Adapter) -> Set<[UInt32]> { Set(adapter.values.values.map { $0.map(\.bitPattern) }) }
    #expect(bits(loaded) == bits(adapter))
    var model = try TinyModel.load()
    try model.loadAdapter(first, as: "x")
    try model.loadAdapter(loaded.save("second", for: shape, in: folder), as: "y")
    expectClose(try values(model, "y"), try values(model, "x"), .exact)
    expectFarOff(try values(model, "x").suffix(100).map { $0 }, try values(model, nil).suffix(100).map { $0 })
  }

  @Test(arguments: PeftExample.all)
  func aMissingAMisshapenAndAnUnknownTensorAreNamed(_ example: PeftExample) throws {
    let shape = try TinyModel.shape()
    let adapter = try Adapter.random(example.preset, for: shape, seed: 5)
    func refused(_ change: (inout [OutgoingTensor]) -> String) throws {
      let folder = try TemporaryFolder()
      let path = try adapter.save("a", for: shape, in: folder)
      _ = try SavedAdapter.read(path, for: shape)
      let file = path + "/adapter_model.safetensors"
      var tensors = try TensorFile(path: file).outgoing
      let name = change(&tensors)
      try Safetensors.write(tensors, to: file)
      let text = try #require(refusal { _ = try SavedAdapter.read(path, for: shape) })
      #expect(text.contains(name.replacing("base_model.model.", with: "")), "\(name): \(text)")
    }
    try refused { $0.remove(at: $0.count / 2).name }
    try refused { tensors in
      let old = tensors[0]
      let shape = old.shape + [1, 7]
      tensors[0] = OutgoingTensor(
        name: old.name, shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
      return old.name
    }
    try refused { tensors in
      tensors.append(OutgoingTensor(name: tensors[0].name + "_of_nobody", shape: [2], values: [1, 2]))
      return tensors[0].name + "_of_nobody"
    }
  }

  // MARK: Sum

  /// Each on the output that the earlier ones left: products add, factors multiply, rotations chain.
  @Test func theOrderOfASumMattersWhereStepsDoNotCommute() throws {
    var model = try TinyModel.load()
    try model.addRandom("peft_lora[r=3, lora_alpha=7]", named: "lora", seed: 1)
    try model.addRandom("peft_dora[r=3, lora_alpha=7]", named: "dora", seed: 2)
    try model.addRandom("oft[oft_block_size=4]", named: "r", seed: 3)
    try model.addRandom("oft[oft_block_size=8]", named: "s", seed: 4)
    expectFarOff(try values(model, "Sum(lora, dora)"), try values(model, "Sum(dora, lora)"))
    expectFarOff(try values(model, "Sum(r, s)"), try values(model, "Sum(s, r)"), by: .op)
    expectFarOff(try values(model, "Sum(r, s)"), try values(model, "r"))
    try model.mergeAdapter("r")
    // W Rᵀ applied to x Sᵀ is the other order.
    expectClose(try values(model, "s"), try unmerged(model, "Sum(s, r)"), .model)
  }

  private func unmerged(_ model: DebertaV2AdapterModel, _ setup: String) throws -> [Float] {
    var model = model
    model.resetAdapter()
    return try values(model, setup)
  }
}
