import AdapterHost
import AdapterMethods
import Checkpoints
import Deberta
import Tensors
import TestSupport
import Testing

@Suite struct PresetTests {
  private func settings(_ preset: String) throws -> [String: JSONValue] {
    try MethodCatalog.standard.method(preset: preset).settings
  }

  /// Source: adapters, `ADAPTER_CONFIG_MAP`.
  @Test func presetsHaveTheSettingsOfTheReference() throws {
    let sequential = try settings("seq_bn")
    #expect(sequential["mh_adapter"] == .bool(false) && sequential["output_adapter"] == .bool(true))
    #expect(sequential["original_ln_before"] == .bool(true) && sequential["original_ln_after"] == .bool(true))
    #expect(sequential["reduction_factor"] == .integer(16) && sequential["non_linearity"] == .string("relu"))
    let double = try settings("double_seq_bn")
    #expect(double["mh_adapter"] == .bool(true) && double["original_ln_before"] == .bool(false))
    #expect(double["non_linearity"] == .string("swish"))
    let parallel = try settings("par_bn")
    #expect(parallel["is_parallel"] == .bool(true) && parallel["reduction_factor"] == .integer(2))
    #expect(parallel["init_weights"] == .string("mam_adapter"))
    #expect(try settings("scaled_par_bn")["scaling"] == .string("learned"))
    let lora = try settings("lora")
    #expect(lora["r"] == .integer(8) && lora["alpha"] == .integer(8))
    #expect(lora["attn_matrices"] == .array([.string("q"), .string("v")]))
    for (old, new) in [
      ("pfeiffer", "seq_bn"), ("houlsby", "double_seq_bn"), ("parallel", "par_bn"),
      ("scaled_parallel", "scaled_par_bn"),
    ] { #expect(try settings(old) == settings(new)) }
  }

  /// What a folder of the reference holds are the same keys, so that nothing is lost in either direction.
  @Test(arguments: [("method-seq_bn", "seq_bn"), ("method-double_seq_bn", "double_seq_bn"), ("method-lora", "lora")])
  func keysAreThoseOfAFolderOfTheReference(_ parityCase: String, _ preset: String) throws {
    let shape = try TinyModel.shape()
    let folder = Fixtures.parityCase(parityCase) + "/adapters/a"
    let saved = try SavedAdapter.read(folder, for: shape).adapter.method.settings
    let whole = try ConfigurationFields(path: folder + "/adapter_config.json")
    #expect(saved == (try whole.object("config"))?.members)
    #expect(try settings(preset).keys.sorted() == saved.keys.sorted())
  }

  @Test func changesAreWrittenAsPythonsLiterals() throws {
    let changed = try settings(
      #"seq_bn[reduction_factor={"1": 4, 'default': 12}, leave_out=[0, 2], ln_after=True, scaling=0.5, inv_adapter=None]"#
    )
    #expect(changed["reduction_factor"] == .object(["1": .integer(4), "default": .integer(12)]))
    #expect(changed["leave_out"] == .array([.integer(0), .integer(2)]))
    #expect(changed["ln_after"] == .bool(true) && changed["scaling"] == .number(0.5) && changed["inv_adapter"] == .null)
    #expect(
      try settings("lora[attn_matrices=('k', \"v\"), r=4]")["attn_matrices"] == .array([.string("k"), .string("v")]))
    #expect(try settings("seq_bn[]") == settings("seq_bn"))
    #expect(try settings("seq_bn")["ln_after"] == .bool(false))
  }

  @Test(arguments: [
    ("seq_bm", "'seq_bm'"), ("", "''"), ("seq_bn[reduction=4]", "'reduction'"), ("lora[rank=4]", "'rank'"),
    ("seq_bn[reduction_factor=0]", "reduction_factor"), ("seq_bn[reduction_factor='x']", "reduction_factor"),
    ("seq_bn[reduction_factor={'1': 'x'}]", "reduction_factor"), ("seq_bn[non_linearity='nothing']", "non_linearity"),
    ("seq_bn[scaling='wide']", "scaling"), ("seq_bn[ln_after=1]", "ln_after"), ("seq_bn[leave_out=1]", "leave_out"),
    ("seq_bn[residual_before_ln='after']", "residual_before_ln"), ("seq_bn[init_weights='ones']", "init_weights"),
    ("double_seq_bn[residual_before_ln='post_add']", "residual_before_ln"),
    ("lora[attn_matrices=['q', 'x']]", "attn_matrices"), ("lora[r=0]", "'r'"), ("lora[r=2.5]", "'r'"),
    ("lora[alpha='a']", "alpha"), ("lora[init_weights='none']", "init_weights"), ("seq_bn[ln_after=True", "brackets"),
    ("seq_bn[inv_adapter='nice']", "inv_adapter"), ("lora[composition_mode='scale']", "composition_mode"),
  ])
  func whatCannotBeIsRefusedByItsName(_ preset: String, _ name: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try settings(preset) }
    #expect(error.description.contains(name), "\(error)")
  }

  @Test(arguments: [
    "seq_bn[", "seq_bn[=]", "seq_bn[a", "seq_bn[leave_out=[1}]", "lora[r=]", "lora[r==3]", "lora['r'=3, , ]",
  ])
  func brokenChangesAreRefused(_ preset: String) {
    #expect(throws: ConfigurationError.self) { try settings(preset) }
  }
}

@Suite struct ParameterTests {
  private let shape: DebertaV2Configuration

  init() throws { shape = try TinyModel.shape() }

  private func fresh(_ preset: String, seed: UInt64 = 1) throws -> Adapter {
    var model = try TinyModel.load()
    try model.addAdapter("a", configuration: preset, seed: seed)
    return try #require(model.adapter("a"))
  }

  /// H = 48, F = 80, 3 layers; a bottleneck of size s has 2 H s + s + H values.
  @Test(arguments: [
    ("seq_bn", 3 * (2 * 48 * 3 + 3 + 48)), ("double_seq_bn", 6 * (2 * 48 * 3 + 3 + 48)),
    ("double_seq_bn[leave_out=[0, 2]]", 2 * (2 * 48 * 3 + 3 + 48)), ("par_bn", 3 * (2 * 48 * 24 + 24 + 48)),
    ("seq_bn[reduction_factor=7]", 3 * (2 * 48 * 6 + 6 + 48)), ("seq_bn[reduction_factor=100]", 3 * (2 * 48 + 1 + 48)),
    ("seq_bn[reduction_factor={'1': 4, 'default': 12}]", 2 * (2 * 48 * 4 + 4 + 48) + (2 * 48 * 12 + 12 + 48)),
    (
      "seq_bn[scaling='learned', ln_before=True, ln_after=True, use_gating=True]",
      3 * (2 * 48 * 3 + 3 + 48 + 1 + 4 * 48 + 49)
    ),
    ("seq_bn[scaling='channel']", 3 * (2 * 48 * 3 + 3 + 48 + 48)), ("lora", 3 * 2 * (8 * 48 + 48 * 8)),
    ("lora[r=2, use_gating=True, attn_matrices=['v']]", 3 * (2 * 48 + 48 * 2 + 49)),
    ("lora[selfattn_lora=False, intermediate_lora=True, output_lora=True, r=5]", 3 * 2 * 5 * (48 + 80)),
    ("lora[leave_out=[1], r=1]", 2 * 2 * (48 + 48)),
  ])
  func parametersAreCounted(_ preset: String, _ count: Int) throws {
    #expect(try fresh(preset).parameters.count == count)
  }

  @Test(arguments: [
    "seq_bn[ln_after=True, scaling='learned']", "par_bn", "lora", "double_seq_bn[init_weights='houlsby']",
  ])
  func aSeedRepeatsAnAdapterAndAnotherSeedDoesNot(_ preset: String) throws {
    let (one, same, other) = (try fresh(preset), try fresh(preset), try fresh(preset, seed: 2))
    #expect(one.values == same.values)
    #expect(one.values != other.values)
  }

  /// Source: adapters, `init_bert_weights`, `methods/lora.py`.
  @Test func freshValuesAreThoseOfTheReferencesInitialisers() throws {
    func expect(_ preset: String, _ member: String, within bounds: ClosedRange<Float>) throws {
      let adapter = try fresh(preset)
      let specs = adapter.parameters.specs.filter { $0.member == member }
      #expect(specs.count == 3 || preset.hasPrefix("lora"))
      let values = specs.flatMap { adapter.parameters[$0].array }
      #expect(!values.isEmpty && values.allSatisfy { bounds.contains($0) }, "\(member)")
      if bounds.lowerBound < bounds.upperBound {
        let width = bounds.upperBound - bounds.lowerBound
        let spread = (values.max() ?? 0) - (values.min() ?? 0)
        #expect(spread > width / 4 && Set(values).count > values.count / 2, "\(member)")
      }
    }
    let ln = "seq_bn[ln_after=True, scaling='learned', use_gating=True]"
    try expect(ln, "adapter_norm_after.weight", within: 1...1)
    try expect(ln, "adapter_norm_after.bias", within: 0...0)
    try expect(ln, "scaling", within: 1...1)
    try expect(ln, "adapter_down.0.bias", within: 0...0)
    // Normal of deviation 0.02: six of them.
    try expect(ln, "adapter_down.0.weight", within: -0.12...0.12)
    try expect(ln, "adapter_up.weight", within: -0.12...0.12)
    // Truncated at two deviations of 0.01.
    try expect("seq_bn[init_weights='houlsby']", "adapter_up.weight", within: -0.02...0.02)
    // Uniform within 1 / √48.
    let bound = 1 / Float(48).squareRoot()
    try expect("par_bn", "adapter_down.0.weight", within: -bound...bound)
    try expect("par_bn", "adapter_up.weight", within: 0...0)
    try expect("lora", "lora_A", within: -bound...bound)
    try expect("lora", "lora_B", within: 0...0)
  }
}

/// Folders as older versions of the reference wrote them, and folders for other models.
@Suite struct SavedFolderTests {
  private let shape: DebertaV2Configuration
  private let folder: TemporaryFolder

  init() throws {
    shape = try TinyModel.shape()
    folder = try TemporaryFolder()
  }

  private func saved(
    _ preset: String, changing change: (inout [String: JSONValue], inout [OutgoingTensor]) -> Void
  ) throws -> (path: String, adapter: Adapter) {
    let adapter = try Adapter.random(preset, for: shape, seed: 1)
    let path = try adapter.save("a", for: shape, in: folder)
    var members = try ConfigurationFields(path: path + "/adapter_config.json").members
    var tensors = try TensorFile(path: path + "/adapter.safetensors").outgoing
    change(&members, &tensors)
    try JSONValue.object(members).write(to: path + "/adapter_config.json")
    try Safetensors.write(tensors, to: path + "/adapter.safetensors")
    return (path, adapter)
  }

  private func read(_ path: String) throws -> Adapter { try SavedAdapter.read(path, for: shape).adapter }

  /// Before adapters 1.1.0, LoRA did not scale by alpha / r.
  @Test(arguments: [("adapters.1.0.1", 3), ("adapters.0.2.1", 3), ("adapters.1.1.0", 12), ("adapters.1.10.0", 12)])
  func alphaCountsSinceTheVersionThatScalesByIt(_ version: String, _ alpha: Int) throws {
    let path = try saved("lora[r=3, alpha=12]") { members, _ in members["version"] = .string(version) }.path
    #expect(try read(path).method.settings["alpha"] == .integer(alpha))
  }

  /// Without a version, `gelu` was the tanh form, and `gelu_orig` the exact one.
  @Test(arguments: [("gelu", "gelu_new"), ("gelu_orig", "gelu"), ("relu", "relu")])
  func activationsOfFoldersWithoutAVersionHaveTheirOldMeaning(_ old: String, _ new: String) throws {
    func activation(version: JSONValue?) throws -> JSONValue? {
      let path = try saved("seq_bn") { members, _ in
        members["version"] = version
        guard case .object(var settings) = members["config"] else { return }
        settings["non_linearity"] = .string(old)
        members["config"] = .object(settings)
      }.path
      return try read(path).method.settings["non_linearity"]
    }
    #expect(try activation(version: nil) == .string(new))
    if old != "gelu_orig" { #expect(try activation(version: .string("adapters.1.3.0")) == .string(old)) }
  }

  @Test(arguments: ["attention_text_task_adapters", "layer_text_lang_adapters"])
  func tensorsAreFoundUnderTheirOldNames(_ container: String) throws {
    let (path, adapter) = try saved("seq_bn") { _, tensors in
      tensors = tensors.map {
        OutgoingTensor(
          name: $0.name.replacing(".adapters.", with: ".\(container)."), shape: $0.shape, values: $0.values)
      }
    }
    #expect(try read(path).values == adapter.values)
  }

  @Test func tensorsAreFoundWithAndWithoutTheModelsName() throws {
    let (path, adapter) = try saved("lora") { _, tensors in
      tensors = tensors.map {
        OutgoingTensor(name: String($0.name.dropFirst("deberta.".count)), shape: $0.shape, values: $0.values)
      }
    }
    #expect(try read(path).values == adapter.values)
  }

  /// The norm before a bottleneck is stored twice by the reference; either copy will do.
  @Test func aTensorThatTheReferenceStoresTwiceIsReadOnce() throws {
    let (path, adapter) = try saved("seq_bn[ln_before=True]") { _, tensors in
      tensors += tensors.filter { $0.name.contains("adapter_norm_before") }.map {
        OutgoingTensor(
          name: $0.name.replacing("adapter_norm_before", with: "adapter_down.0"), shape: $0.shape, values: $0.values)
      }
    }
    #expect(try read(path).values == adapter.values)
    let (other, _) = try saved("seq_bn[ln_before=True]") { _, tensors in
      tensors = tensors.map {
        OutgoingTensor(
          name: $0.name.replacing("adapter_norm_before", with: "adapter_down.0"), shape: $0.shape, values: $0.values)
      }
    }
    #expect(try read(other).values == adapter.values)
  }

  @Test func whatWasMadeForAnotherModelIsRefused() throws {
    for (key, value) in [("hidden_size", JSONValue.integer(768)), ("model_type", .string("bert"))] {
      let path = try saved("seq_bn") { members, _ in members[key] = value }.path
      let error = try #require(throws: ConfigurationError.self) { try read(path) }
      #expect(error.description.contains("'\(key)'"))
    }
    for key in ["name", "config"] {
      let path = try saved("seq_bn") { members, _ in members[key] = nil }.path
      #expect(throws: ConfigurationError.missing(key: key, file: path + "/adapter_config.json")) { try read(path) }
    }
  }

  @Test func aFolderWithoutItsFilesIsRefusedByTheirNames() throws {
    let empty = try folder.folder("empty")
    let error = try #require(refusal { _ = try read(empty) })
    #expect(error.contains("adapter_config.json"))
    try folder.write(#"{"name": "a", "config": {"architecture": "lora"}}"#, as: "empty/adapter_config.json")
    let second = try #require(refusal { _ = try read(empty) })
    #expect(second.contains("adapter.safetensors") && second.contains("pytorch_adapter.bin"))
    try folder.write(#"{"name": "a", "config": {"architecture": "oft"}}"#, as: "empty/adapter_config.json")
    let third = try #require(refusal { _ = try read(empty) })
    #expect(third.contains("'oft'") && third.contains("'lora'"))
    try folder.write("{", as: "empty/adapter_config.json")
    #expect(refusal { _ = try read(empty) }?.contains("adapter_config.json") == true)
  }
}
