internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Tensors

extension Inspection.Part {
  /// Inspects a PEFT folder, and loads it if there is a base model.
  static func peftAdapter(_ folder: String, _ base: Inspection.Base?) -> Inspection.Part {
    PartDraft.part(.peftAdapter) { draft in
      let fields = try ConfigurationFields(path: "\(folder)/\(SavedAdapter.configurationFile)")
      draft.facts = fields.facts([
        "peft_type", "base_model_name_or_path", "task_type", "r", "lora_alpha", "lora_dropout", "use_rslora",
        "target_modules", "modules_to_save", "peft_version",
      ])
      let file = try TensorFile.first(of: PeftFolder.weightFiles, in: folder)
      draft.list(file)
      draft.addParameterCount()
      try draft.tryWith(base, madeFor: fields, model: "base_model_name_or_path") { draft, shape in
        let head = file.tensors.map { WantedTensor(PeftFolder.ownName($0.name), $0.shape) }
          .filter { PeftFolder.isOfHead($0.names[0]) }
        try draft.compare(
          file, with: PeftFolder.tensors(fields, file, for: shape).map { WantedTensor($0.name, $0.shape) } + head,
          rename: PeftFolder.ownName
        ) {
          _ = try SavedAdapter.read(folder, for: shape)
          _ = try base.map { try HeadReader($0).head(besideAdapterIn: folder) }
        }
      }
    }
  }
}
