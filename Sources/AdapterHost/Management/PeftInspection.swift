internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Tensors

extension Inspection.Part {
  /// A folder of PEFT, tried with a base model where there is one.
  static func peftAdapter(_ folder: String, _ base: Inspection.Base?) -> Inspection.Part {
    PartDraft.part(.peftAdapter) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
      draft.facts = fields.facts([
        "peft_type", "base_model_name_or_path", "task_type", "r", "lora_alpha", "lora_dropout", "use_rslora",
        "target_modules", "modules_to_save", "peft_version",
      ])
      let file = try TensorFile.first(of: ["adapter_model.safetensors", "adapter_model.bin"], in: folder)
      draft.list(file)
      draft.addParameterCount()
      try draft.tryWith(base, madeFor: fields, model: "base_model_name_or_path") { draft, shape in
        let rank = try fields.integer("r", in: 1...1 << 16) ?? 0
        try draft.compare(
          file, with: PeftModules(file).tensors(rank: rank, shape) + PeftModules.head(file), rename: \.belowPeft
        ) {
          _ = try SavedAdapter.read(folder, for: shape)
          _ = try base.map { try HeadReader($0).head(besideAdapterIn: folder) }
        }
      }
    }
  }
}

/// The linear layers that a file of PEFT has low-rank factors for.
private struct PeftModules {
  private static let heads = ["classifier.", "pooler.", "score.", "qa_outputs."]
  private static let factors = ["lora_A", "lora_B"]

  /// The layers with any factor, and the modules with one in any layer.
  private let layers: Set<Int>
  private let modules: Set<String>

  init(_ file: TensorFile) {
    var layers: Set<Int> = []
    var modules: Set<String> = []
    for tensor in file.tensors {
      let parts = tensor.name.belowPeft.split(separator: ".").map(String.init)
      guard parts.count > 5, parts[..<2] == ["encoder", "layer"], let layer = Int(parts[2]), parts.last == "weight",
        Self.factors.contains(parts[parts.count - 2])
      else { continue }
      layers.insert(layer)
      modules.insert(parts[3..<parts.count - 2].joined(separator: "."))
    }
    (self.layers, self.modules) = (layers, modules)
  }

  /// The tensors of a head that a file holds; reading it tells whether they fit.
  static func head(_ file: TensorFile) -> [WantedTensor] {
    file.tensors.filter { tensor in heads.contains { tensor.name.belowPeft.hasPrefix($0) } }
      .map { WantedTensor($0.name.belowPeft, $0.shape) }
  }

  /// Both factors of each of these layers; of modules that the encoder has.
  func tensors(rank: Int, _ shape: DebertaV2Configuration) -> [WantedTensor] {
    let width = shape.headCount * shape.headSize
    let known = [
      "attention.self.query_proj": (shape.hiddenSize, width), "attention.self.key_proj": (shape.hiddenSize, width),
      "attention.self.value_proj": (shape.hiddenSize, width), "attention.output.dense": (width, shape.hiddenSize),
      "intermediate.dense": (shape.hiddenSize, shape.intermediateSize),
      "output.dense": (shape.intermediateSize, shape.hiddenSize),
    ]
    return layers.filter { $0 < shape.layerCount }.sorted().flatMap { layer in
      modules.sorted().flatMap { module -> [WantedTensor] in
        guard let (inputs, outputs) = known[module] else { return [] }
        let scope = "encoder.layer.\(layer).\(module)"
        return [
          WantedTensor(scope + ".lora_A.weight", [rank, inputs]),
          WantedTensor(scope + ".lora_B.weight", [outputs, rank]),
        ]
      }
    }
  }
}

extension String {
  /// A tensor's name below the encoder, the prefixes of PEFT's and of transformers' classes being left out.
  fileprivate var belowPeft: String {
    let own = hasPrefix("base_model.model.") ? String(dropFirst("base_model.model.".count)) : self
    return own.belowDeberta
  }
}
