public import AdapterRegistry
internal import Checkpoints
internal import Files
internal import Foundation
internal import Heads
public import Hub
internal import Tensors

extension DebertaV2AdapterModel {
  /// Names the outputs of answering heads without output names.
  ///
  /// - Throws: `LabelNamingError`, if no such head has this number of outputs.
  mutating func nameLabels(_ labels: [String]) throws {
    let answering = Set(try Route(activeAdapters, heads: activeHeads, in: self).questions.map(\.head)).sorted()
    let known = answering.compactMap { name in head(name).map { (name: name, settings: $0.settings) } }
    let nameless = known.filter { $0.settings.isNameless(for: labels) }
    guard !nameless.isEmpty else {
      throw LabelNamingError(labels: labels.count, heads: known.map { ($0.name, $0.settings) })
    }
    for head in nameless { try nameLabels(labels, ofHead: head.name) }
  }
}

extension HeadSettings {
  fileprivate func isNameless(for labels: [String]) -> Bool {
    hasNumberedLabels && (try? naming(labels)) != nil
  }
}

extension Registry {
  /// Registers an adapter's folder, after naming the outputs of a head without output names in the copy.
  ///
  /// - Parameters:
  ///   - folder: the adapter's folder.
  ///   - name: the name to register; nil: as saved.
  ///   - model: the base model.
  ///   - labels: the names of the head's outputs; nil keeps them.
  ///   - force: whether to accept an adapter made for another base model of this shape.
  ///   - fetched: the address the folder was fetched from, if any.
  /// - Throws: `LabelNamingError`, if the folder has no head, a head with names, or a different number of outputs.
  public func importAdapter(
    folder: String, as name: String?, of model: ModelRecord, labels: [String]?, force: Bool = false,
    fetched: FetchedFolder? = nil
  ) throws -> AdapterRecord {
    // PEFT saves no name: its folder's, or the repository's, is the adapter's.
    let ownName = fetched?.name ?? FilePaths.lastPart(of: FilePaths.absolute(folder))
    guard let labels else {
      return try importAdapter(
        folder: folder, as: name, of: model.name, files: AdapterDescription.files(in: folder), force: force
      ) { copy in
        var (savedName, description) = try AdapterDescription.readForImport(copy, for: model)
        description.note(fetched)
        let isOwnName = savedName != FilePaths.lastPart(of: copy)
        return (isOwnName ? savedName : ownName, description)
      }
    }
    try PartReader.require([.adapter, .peftAdapter], in: folder)
    let base = Inspection.Base(model)
    let reader = try HeadReader(base)
    guard let head = try reader.head(besideAdapterIn: folder), head.settings.isNameless(for: labels) else {
      let settings = try reader.head(besideAdapterIn: folder)?.settings
      throw LabelNamingError(labels: labels.count, heads: settings.map { [("of the folder", $0)] } ?? [])
    }
    return try NewFolder.temporarily { place in
      let copy = place + "/" + ownName
      try Folders.create(copy)
      // The head is written below, with its labels.
      let headFiles = [SavedHead.configurationFile] + SavedHead.weightFiles
      for file in AdapterDescription.files(in: folder) where !headFiles.contains(file) {
        // A copied relative link would have another target.
        let path = FilePaths.resolved("\(folder)/\(file)") ?? "\(folder)/\(file)"
        try FileManager.default.copyItem(atPath: path, toPath: "\(copy)/\(file)")
      }
      try SavedHead.write(
        head.naming(labels), named: ownName, modelName: base.name, family: reader.shape.family,
        hiddenSize: reader.shape.hiddenSize, to: copy, Compute(threads: 1))
      return try importAdapter(
        folder: copy, as: name, of: model, labels: nil, force: force, fetched: fetched)
    }
  }
}

/// Why outputs cannot be named.
public struct LabelNamingError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  init(labels: Int, heads: [(name: String, settings: HeadSettings)]) {
    let facts = heads.map { head in
      head.settings.hasNumberedLabels
        ? "'\(head.name)' has \(head.settings.outputs)"
        : "'\(head.name)' has names already (\(head.settings.labelNames.prefix(3).joined(separator: ", ")))"
    }
    description =
      "No head has \(labels) outputs without names"
      + (facts.isEmpty ? ": there is no head." : ": " + facts.joined(separator: ", ") + ".")
      + " Give as many labels as the head has outputs, or none."
  }
}
