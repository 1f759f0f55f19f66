internal import AdapterMethods
internal import Checkpoints
internal import DebertaV2
internal import Foundation
internal import Heads
internal import Tensors

/// An adapter's folder, tried with a base model where there is one.
struct AdapterInspection {
  let part: Inspection.Part

  init(_ folder: String, _ base: Inspection.Base?) {
    var facts: [Inspection.Fact] = []
    var needs: [String] = []
    var tensors: [Inspection.Tensor] = []
    let problem = problem {
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
      let weights = Result { try TensorFile.first(of: ["adapter.safetensors", "pytorch_adapter.bin"], in: folder) }
      tensors = (try? weights.get())?.tensors.map { Inspection.Tensor($0, .unknown) } ?? []
      facts = try Self.facts(fields, tensors)
      needs = [Self.need(facts)]
      let stored = try weights.get()
      guard let base else { return }
      facts.append(Inspection.Fact(name: "tried with", value: base.name))
      let shape = try DebertaV2Configuration(json: Data(base.configuration.utf8), file: base.path + "/config.json")
      do {
        _ = try SavedAdapter.read(folder, for: shape)
        tensors = stored.tensors.map { Inspection.Tensor($0, .used) }
        needs = []
      } catch {
        if let uses = try? Self.compare(stored, fields, shape) {
          (tensors, needs) = (uses.tensors, needs + uses.missing)
        }
        throw error
      }
    }
    part = Inspection.Part(kind: .adapter, facts: facts, tensors: tensors, needs: needs, problem: problem)
  }

  private static func facts(
    _ fields: ConfigurationFields, _ tensors: [Inspection.Tensor]
  ) throws -> [Inspection.Fact] {
    var facts = fields.facts(["name", "model_name", "model_type", "hidden_size", "version"])
    if let settings = try fields.object("config") {
      let method = try? MethodCatalog.standard.method(settings)
      let architecture = try settings.string("architecture")
      facts.insert(
        Inspection.Fact(
          name: "method",
          value: method.map { Adapter(method: $0, parameters: AdapterParameters([], [:])).methodName } ?? architecture
            ?? "bottleneck"),
        at: min(1, facts.count))
      facts += settings.facts(settings.members.keys.sorted().filter { $0 != "architecture" })
        .map { Inspection.Fact(name: "config.\($0.name)", value: $0.value) }
    }
    return facts + [
      Inspection.Fact(name: "parameters", value: "\(tensors.reduce(0) { $0 + $1.shape.reduce(1, *) })")
    ]
  }

  private static func need(_ facts: [Inspection.Fact]) -> String {
    let size = facts.value("hidden_size").map { " with hidden_size \($0)" } ?? ""
    let model = facts.value("model_name").map { "; it was made for \($0)" } ?? ""
    return "a DeBERTa-v2 or v3 base model\(size)\(model)"
  }

  /// The tensors of the file against those that the method stores for a base model.
  private static func compare(
    _ file: TensorFile, _ fields: ConfigurationFields, _ shape: DebertaV2Configuration
  ) throws -> (tensors: [Inspection.Tensor], missing: [String]) {
    guard let settings = try fields.object("config"), let name = try fields.string("name") else { return ([], []) }
    let specs = try MethodCatalog.standard.method(settings).parameters(for: shape)
    var shapes: [String: [Int]] = [:]
    var missing: [String] = []
    let held = Set(file.tensors.map { ownName($0.name) })
    for spec in specs {
      let keys = spec.keys(name)
      for key in keys { shapes[key] = spec.shape }
      if held.isDisjoint(with: keys) { missing.append("the tensor \(keys[0]) \(spec.shape)") }
    }
    let tensors = file.tensors.map { stored in
      let expected = shapes[ownName(stored.name)]
      return Inspection.Tensor(
        stored, expected == nil ? .unexpected : expected == stored.shape ? .used : .misshapen)
    }
    return (tensors, missing)
  }

  private static func ownName(_ name: String) -> String {
    name.hasPrefix("deberta.") ? String(name.dropFirst("deberta.".count)) : name
  }
}

/// A head's folder.
struct HeadInspection {
  let part: Inspection.Part

  init(_ folder: String) {
    var facts: [Inspection.Fact] = []
    var needs: [String] = []
    var tensors: [Inspection.Tensor] = []
    let problem = problem {
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedHead.configurationFile)")
      facts = fields.facts(["name", "model_name", "hidden_size", "version"])
      if let settings = try fields.object("config") {
        facts += settings.facts(settings.members.keys.sorted().filter { $0 != "label2id" }).map {
          Inspection.Fact(name: "config.\($0.name)", value: $0.value)
        }
        let labels = try HeadSettings(settings).labels
        if !labels.isEmpty { facts.append(Inspection.Fact(name: "labels", value: labels.joined(separator: ", "))) }
      }
      let file = try TensorFile.first(of: ["model_head.safetensors", "pytorch_model_head.bin"], in: folder)
      tensors = file.tensors.map { Inspection.Tensor($0, .unknown) }
      guard let hiddenSize = try fields.integer("hidden_size", in: 1...1 << 20) else { return }
      needs = ["hidden states of width \(hiddenSize)"]
      let (name, _) = try SavedHead.read(folder, hiddenSize: hiddenSize, layerNormEps: 1e-7, Compute(threads: 1))
      tensors = file.tensors.map { Inspection.Tensor($0, $0.name.hasPrefix("heads.\(name).") ? .used : .left) }
    }
    part = Inspection.Part(kind: .head, facts: facts, tensors: tensors, needs: needs, problem: problem)
  }
}
