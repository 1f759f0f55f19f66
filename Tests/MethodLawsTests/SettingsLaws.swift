import AdapterHost
import AdapterMethods
import Checkpoints
import Tensors
import TestSupport
import Testing

@testable import Training

/// Settings are declared once: what is saved is what acts, and what does not act is refused.
@Suite struct SettingsLaws {
  private let catalog = MethodExample.catalog

  private func parsed(_ settings: [String: JSONValue], file: String = "the test") throws -> any AdapterMethod {
    try catalog.method(ConfigurationFields(.object(settings), file: file))
  }

  /// Every stored property of a value, with its path; sets and dictionaries in order.
  private func listing(_ value: Any, _ path: String = "") -> [String] {
    let mirror = Mirror(reflecting: value)
    let children = mirror.children.enumerated().map { ($1.label ?? "\($0)", $1.value) }
    switch mirror.displayStyle {
    case .set?, .dictionary?:
      return [path + "={" + children.map { listing($0.1).joined(separator: ",") }.sorted().joined(separator: ";") + "}"]
    case _ where children.isEmpty: return ["\(path)=\(value)"]
    default: return children.flatMap { listing($0.1, "\(path).\($0.0)") }
    }
  }

  @Test(arguments: MethodExample.all)
  func aFreshMethodIsTheOneParsedFromItsOwnSettings(_ example: MethodExample) throws {
    let fresh = try catalog.method(preset: example.preset)
    let file = "the configuration '\(example.preset)'"
    let again = try parsed(fresh.settings, file: file)
    #expect(listing(again) == listing(fresh) && listing(fresh).count > 1)
    #expect(again.settings == fresh.settings)
    // Without the keys that have their standard values it is the same one.
    let fields = type(of: fresh).fields
    let short = fresh.settings.filter { key, value in
      key == "architecture" || fields.first { $0.key == key }?.standard != value
    }
    let hasStandardValues = fields.contains { $0.key != "architecture" && fresh.settings[$0.key] == $0.standard }
    #expect(short.count < fresh.settings.count || !hasStandardValues)
    #expect(try listing(parsed(short, file: file)) == listing(fresh))
  }

  @Test(arguments: [MethodExample.loreft, MethodExample.all[0], MethodExample.everyLoRA])
  func aRunFromEitherHasTheSameBits(_ example: MethodExample) throws {
    let shape = try TinyModel.shape()
    let fresh = try catalog.method(preset: example.preset)
    let steps = try [fresh, parsed(fresh.settings)].map { method in
      let adapter = Adapter(method: method, parameters: try Adapter.random(method, for: shape, seed: 3).parameters)
      return try TrainingSubject(adapters: ["a": adapter], setup: "a").step(dropout: DropoutSeed(seed: 5, step: 0))
    }
    #expect(steps[0].loss == steps[1].loss)
    #expect(steps[0].gradients.map { $0?.array } == steps[1].gradients.map { $0?.array })
  }

  /// The reference saves a dropout of 0.05 that nobody asked for, and trains with it.
  @Test func dropoutOfReFTActsWithoutBeingNamed() throws {
    func loss(_ preset: String) throws -> [Float] {
      try TrainingSubject(["a": preset], setup: "a").step(dropout: DropoutSeed(seed: 5, step: 0)).loss
    }
    #expect(try loss("loreft") == loss("loreft[dropout=0.05]"))
    #expect(try loss("loreft") != loss("loreft[dropout=0.0]"))
  }

  @Test func stochasticDepthLeavesOutWholeTextsInTrainingAlone() throws {
    let plain = try TrainingSubject(["a": "seq_bn"], setup: "a")
    let deep = try TrainingSubject(["a": "seq_bn[stochastic_depth=0.5]"], setup: "a")
    #expect(try plain.loss() == deep.loss())
    let losses = try (0..<4).map { try deep.step(dropout: DropoutSeed(seed: UInt64($0), step: 0)).loss }
    #expect(try losses != (0..<4).map { try plain.step(dropout: DropoutSeed(seed: UInt64($0), step: 0)).loss })
    #expect(
      refusal { _ = try catalog.method(preset: "par_bn[stochastic_depth=0.5]") }?.contains("'stochastic_depth'") == true
    )
  }

  @Test(arguments: ["lora", "loreft"])
  func aNumberTypeThatIsNotComputedWithIsRefused(_ preset: String) throws {
    #expect(refusal { _ = try catalog.method(preset: preset + "[dtype='float16']") }?.contains("'dtype'") == true)
    _ = try catalog.method(preset: preset + "[dtype='float32']")
  }

  @Test func aPromptThatStartsWithATextIsLoadedButNotMadeAfresh() throws {
    let method = try catalog.method(preset: "prompt_tuning[prompt_init='from_string', prompt_init_text='a b']")
    let folder = try TemporaryFolder()
    let shape = try TinyModel.shape()
    let path = try Adapter.random(method, for: shape, seed: 1).save("a", for: shape, in: folder)
    #expect(try SavedAdapter.read(path, for: shape).adapter.method.settings == method.settings)
    var model = try TinyModel.load()
    let text = refusal { try model.addAdapter("b", configuration: "prompt_tuning[prompt_init='from_string']") }
    #expect(text?.contains("'prompt_init'") == true)
  }

  /// As in the reference, where the generator starts anew before every module.
  @Test func aSeedAmongTheSettingsStartsEveryModuleAlike() throws {
    var model = try TinyModel.load()
    func downs(_ name: String) throws -> [[Float]] {
      let adapter = try #require(model.adapter(name))
      return adapter.parameters.specs.filter { $0.member == "adapter_down.0.weight" }.map {
        adapter.parameters[$0].array
      }
    }
    try model.addAdapter("plain", configuration: "seq_bn", seed: 1)
    try model.addAdapter("one", configuration: "seq_bn[init_weights_seed=7]", seed: 1)
    try model.addAdapter("two", configuration: "seq_bn[init_weights_seed=7]", seed: 2)
    try model.addAdapter("zero", configuration: "seq_bn[init_weights_seed=0]", seed: 1)
    #expect(Set(try downs("plain")).count == 3)
    #expect(Set(try downs("one")).count == 1)
    #expect(try downs("one") == downs("two"))
    #expect(try downs("zero") == downs("plain"))
  }

  @Test func aKeyThatNoMethodHasIsRefusedInAPresetWithTheNearestOne() {
    let text = refusal { _ = try catalog.method(preset: "seq_bn[reduction_facto=2]") }
    #expect(text?.contains("did you mean 'reduction_factor'") == true)
    #expect(refusal { _ = try catalog.method(preset: "compactr") }?.contains("did you mean 'compacter") == true)
  }

  // MARK: Fusion

  private func fused(_ settings: [String: JSONValue]) throws -> TrainingSubject {
    var model = try TinyModel.load()
    for (index, name) in ["a", "b"].enumerated() { try model.addRandom("seq_bn", named: name, seed: UInt64(index)) }
    let settings = try FusionSettings(ConfigurationFields(.object(settings), file: "the test"))
    try model.addAdapterFusion(["a", "b"], settings, seed: 1)
    return TrainingSubject(
      try model.trainable(
        Composition("Fuse(a, b)"), heads: [], part: .fusions(withAdapters: false), folder: Fixtures.base("v3")))
  }

  @Test func settingsOfFusionsActOrAreRefused() throws {
    #expect(refusal { _ = try fused(["temperature": .bool(true)]) }?.contains("'temperature'") == true)
    let (plain, dropped) = (try fused([:]), try fused(["dropout_prob": .number(0.6)]))
    #expect(try plain.loss() == dropped.loss())
    let seed = DropoutSeed(seed: 4, step: 0)
    #expect(try plain.step(dropout: seed).loss != dropped.step(dropout: seed).loss)
  }

  @Test func theValuesOfAFusionAreDrawnToTheIdentityUnlessTurnedOff() throws {
    let subject = try fused(["value_initialized": .bool(false)])
    let pass = Pass(subject.model.compute)
    let expected = subject.model.parameters.filter { $0.name.hasSuffix("value.weight") }.reduce(0.0) { sum, value in
      let (array, size) = (value.value.array, value.value.columns)
      return sum
        + array.indices.reduce(0.0) { sum, index in
          let difference = Double(array[index]) - (index / size == index % size ? 1 : 0)
          return sum + 0.01 * difference * difference
        }
    }
    let found = try #require(subject.model.regularization(on: pass)).array[0]
    #expect(expected > 1)
    expectClose([found], [Float(expected)], .model)
    let off = try fused(["regularization": .bool(false), "value_initialized": .bool(false)])
    #expect(off.model.regularization(on: pass) == nil)
    #expect(try fused(["value": .bool(false)]).model.regularization(on: pass) == nil)
  }
}
