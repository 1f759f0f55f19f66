internal import AdapterMethods
internal import Checkpoints
internal import Foundation
internal import Heads
internal import Tokenization

/// How one kind of part is detected and inspected.
struct PartReader: Sendable {
  let kind: Inspection.Kind
  /// The files whose presence indicates this kind.
  let marks: [String]
  /// The files of its tensors.
  let weights: [String]
  /// Whether the configuration is of this kind.
  let isIn: @Sendable (String) -> Bool
  let read: @Sendable (String, Inspection.Base?) -> Inspection.Part

  /// Whether the files of a folder indicate this kind.
  func isMarked(_ names: [String]) -> Bool { marks.contains { names.contains($0) } }

  /// Whether a file of the folder belongs to the part.
  func owns(_ name: String) -> Bool {
    marks.contains(name) || weights.contains(name)
      || weights.contains("model.safetensors")
        && (name.hasPrefix("model-") || name.hasPrefix("pytorch_model-") || AutoTokenizer.files.contains(name))
  }

  static let all = [
    PartReader(
      kind: .checkpoint, marks: CheckpointFolder.marks, weights: CheckpointFolder.weightNames, isIn: { _ in true },
      read: { folder, _ in .checkpoint(folder) }),
    PartReader(
      kind: .adapter, marks: [SavedAdapter.configurationFile], weights: SavedAdapter.weightFiles,
      isIn: { !isPEFT($0) }, read: Inspection.Part.adapter),
    PartReader(
      kind: .peftAdapter, marks: [SavedAdapter.configurationFile], weights: PeftFolder.weightFiles,
      isIn: { isPEFT($0) }, read: Inspection.Part.peftAdapter),
    PartReader(
      kind: .head, marks: [SavedHead.configurationFile], weights: SavedHead.weightFiles,
      isIn: { _ in true }, read: { folder, _ in .head(folder) }),
    PartReader(
      kind: .fusion, marks: [SavedFusion.configurationFile], weights: SavedFusion.weightFiles,
      isIn: { _ in true },
      read: Inspection.Part.fusion),
    PartReader(
      kind: .setup, marks: ["adapter_setup.json"], weights: [], isIn: { _ in true },
      read: { folder, _ in .setup(folder) }),
  ]

  private static func isPEFT(_ folder: String) -> Bool {
    (try? ConfigurationFields(path: folder + "/" + SavedAdapter.configurationFile)).map(PeftFolder.isDescribed) ?? false
  }

  /// The kinds of parts in a folder.
  static func kinds(in folder: String) -> [Inspection.Kind] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return all.filter { $0.isMarked(names) && $0.isIn(folder) }.map(\.kind)
  }

  /// Refuses a folder without the wanted parts, naming those it has instead.
  ///
  /// - Throws: `InspectionError.nothingThere`, `InspectionError.lacks`.
  static func require(_ wanted: [Inspection.Kind], in folder: String) throws(InspectionError) {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
      throw .nothingThere(path: folder)
    }
    let found = kinds(in: folder)
    guard Set(found).isDisjoint(with: wanted) else { return }
    throw .lacks(path: folder, kind: wanted[0], found: found, files: names.filter { !$0.hasPrefix(".") }.sorted())
  }
}
