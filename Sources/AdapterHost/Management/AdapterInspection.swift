internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Tensors

extension Inspection.Part {
  /// Inspects an adapter's folder, and loads it if there is a base model.
  static func adapter(_ folder: String, _ base: Inspection.Base?) -> Inspection.Part {
    PartDraft.part(.adapter) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
      let settings = try fields.object("config")
      draft.facts = fields.facts(["name"])
      if let settings { draft.add("method", try methodName(settings)) }
      draft.facts += fields.facts(["model_name", "model_type", "hidden_size", "version"])
      draft.facts += settings.map { $0.facts($0.keys(without: ["architecture"]), prefix: "config.") } ?? []
      let file = try TensorFile.first(of: SavedAdapter.weightFiles, in: folder)
      draft.list(file)
      draft.addParameterCount()
      try draft.tryWith(base, madeFor: fields) { draft, shape in
        let name = try fields.string("name") ?? ""
        let specs = try settings.map { try MethodCatalog.standard.method($0).parameters(for: shape) } ?? []
        try draft.compare(
          file, with: specs.map { WantedTensor($0.keys(name), $0.shape) }, rename: EncoderLayout.ownName
        ) { _ = try SavedAdapter.read(folder, for: shape) }
      }
    }
  }

  private static func methodName(_ settings: ConfigurationFields) throws -> String {
    let method = try? MethodCatalog.standard.method(settings)
    let name = method.map { Adapter(method: $0, parameters: AdapterParameters([], [:])).methodName }
    return try name ?? settings.string("architecture") ?? "bottleneck"
  }

  /// Inspects a fusion's folder, and loads it if there is a base model.
  static func fusion(_ folder: String, _ base: Inspection.Base?) -> Inspection.Part {
    PartDraft.part(.fusion) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedFusion.configurationFile)")
      let settings = try fields.object("config")
      let name = try fields.string("name") ?? ""
      draft.facts = fields.facts(["name"])
      let adapters = try fields.strings("adapter_names") ?? name.split(separator: ",").map(String.init)
      draft.add("joins", adapters.joined(separator: ", "))
      draft.facts += fields.facts(["model_name", "model_type", "hidden_size", "version"])
      draft.facts += settings.map { $0.facts($0.keys(without: []), prefix: "config.") } ?? []
      let file = try TensorFile.first(
        of: SavedFusion.weightFiles, in: folder)
      draft.list(file)
      draft.addParameterCount()
      try draft.tryWith(base, madeFor: fields) { draft, shape in
        let wanted = try fusionTensors(of: file, named: name, settings, shape)
        try draft.compare(
          file, with: wanted, rename: EncoderLayout.ownName,
          isLeft: { $0.contains(".adapter_fusion_layer.\(name),") }
        ) { _ = try SavedFusion.read(folder, for: shape) }
      }
    }
  }

  /// The tensors of a fusion, at every place for which the file has any.
  private static func fusionTensors(
    of file: TensorFile, named name: String, _ settings: ConfigurationFields?, _ shape: DebertaV2Configuration
  ) throws -> [WantedTensor] {
    let held = file.tensors.map { EncoderLayout.ownName($0.name) }
    let matrix = [shape.hiddenSize, shape.hiddenSize]
    let members = try ["query", "key", "value"].filter { try settings?.bool($0) ?? true }
    return (0..<shape.layerCount).flatMap { layer in
      ["attention.output", "output"].map { "encoder.layer.\(layer).\($0).adapter_fusion_layer.\(name)." }
    }.filter { scope in held.contains { $0.hasPrefix(scope) } }.flatMap { scope in
      members.flatMap { member in
        [WantedTensor("\(scope)\(member).weight", matrix)]
          + (member == "value" ? [] : [WantedTensor("\(scope)\(member).bias", [shape.hiddenSize])])
      }
    }
  }

  /// Inspects a head's folder.
  static func head(_ folder: String) -> Inspection.Part {
    PartDraft.part(.head) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedHead.configurationFile)")
      let isOfClass = fields.members["config"] ?? .null == .null
      draft.facts = fields.facts(
        ["name"] + (isOfClass ? ["model_class", "num_labels", "label2id"] : []) + [
          "model_name", "hidden_size", "version",
        ])
      let file = Result { try TensorFile.first(of: SavedHead.weightFiles, in: folder) }
      if let file = try? file.get() { draft.list(file) }
      guard let configuration = try fields.object("config") else { return }
      draft.facts += configuration.facts(configuration.keys(without: ["label2id"]), prefix: "config.")
      let settings = try HeadSettings(configuration)
      if !settings.labels.isEmpty { draft.add("labels", settings.labels.joined(separator: ", ")) }
      guard let hiddenSize = try fields.integer("hidden_size", in: 1...1 << 20) else { return }
      draft.needs = ["hidden states of width \(hiddenSize)"]
      let name = try fields.string("name") ?? ""
      let wanted = settings.tensorShapes(hiddenSize: hiddenSize)
      try draft.compare(
        file.get(), with: wanted.map { WantedTensor("heads.\(name).\($0.name)", $0.shape) },
        rename: { $0 }, isLeft: { $0.hasPrefix("heads.") && !$0.hasPrefix("heads.\(name).") }
      ) {
        _ = try SavedHead.read(
          folder, family: ModelFamily(fields) ?? .v2, hiddenSize: hiddenSize, layerNormEps: 1e-7, Compute(threads: 1))
      }
    }
  }

  /// Inspects a folder that only contains the composition of adapters, fusions and heads stored in other folders.
  static func setup(_ folder: String) -> Inspection.Part {
    PartDraft.part(.setup) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedSetup.configurationFile)")
      let setup = try SavedSetup(folder: folder)
      draft.add("adapters", setup.composition.description)
      if let heads = setup.heads { draft.add("heads", heads.joined(separator: ", ")) }
      draft.facts += fields.facts(["version"])
      draft.needs = ["its adapters, fusions and heads, which lie in folders of their own: inspect them one by one"]
    }
  }
}

extension PartDraft {
  /// Runs `body` with the shape of a base model; records a need if there is none.
  mutating func tryWith(
    _ base: Inspection.Base?, madeFor fields: ConfigurationFields, model: String = "model_name",
    _ body: (inout PartDraft, DebertaV2Configuration) throws -> Void
  ) throws {
    let size = facts.value("hidden_size").map { " with hidden_size \($0)" } ?? ""
    let made = facts.value(model).map { "; it was made for \($0)" } ?? ""
    let kind = try? ModelFamily(fields) == .v1 ? "DeBERTa v1" : "DeBERTa v2 or v3"
    needs = ["a \(kind ?? "DeBERTa") base model\(size)\(made)"]
    guard let base else { return }
    add("tried with", base.name)
    try body(&self, base.shape)
    needs = []
  }
}

extension ConfigurationFields {
  /// The names of the members, sorted.
  fileprivate func keys(without others: Set<String>) -> [String] {
    members.keys.filter { !others.contains($0) }.sorted()
  }
}

extension Sequence<Inspection.Fact> {
  /// The value of a fact.
  fileprivate func value(_ name: String) -> String? { first { $0.name == name }?.text }
}
