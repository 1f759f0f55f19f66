import Foundation
import GRDB

/// What ``Registry/repair(changed:model:describe:)`` did about a finding.
public struct RepairStep: Hashable, Sendable, Codable, CustomStringConvertible {
  public enum Outcome: Hashable, Sendable, Codable {
    /// A stray folder became an adapter.
    case adopted(adapter: String)
    /// The row points to the folder again, which was found elsewhere.
    case restored(path: String)
    /// The changed files count from now on.
    case renewed(digest: ContentDigest)
    /// The folder was moved out of the way.
    case quarantined(path: String)
    /// What a stopped import or removal left is gone.
    case discarded
    /// Nothing was done.
    case left(reason: String)
  }

  /// What was wrong.
  public let finding: Finding
  /// What was done.
  public let outcome: Outcome

  public var description: String {
    let done =
      switch outcome {
      case .adopted(let adapter): "taken in as the adapter '\(adapter)'"
      case .restored(let path): "found again at '\(path)'"
      case .renewed(let digest): "accepted with digest \(digest.short)"
      case .quarantined(let path): "moved to '\(path)'"
      case .discarded: "removed"
      case .left(let reason): "left as it is: \(reason)"
      }
    return "\(finding); \(done)"
  }
}

/// What a repair does with an adapter whose files have changed.
public enum ChangedFolders: String, Hashable, Sendable, Codable, CaseIterable {
  /// Moves the folder out of the way and forgets the adapter.
  case quarantine
  /// Describes it anew and takes it as it is.
  case accept
}

extension Registry {
  /// Puts right what ``verify(progress:)`` finds, as far as nothing can be
  /// lost by it.
  ///
  /// Stray folders become adapters or are moved to `Adapters/.quarantine`;
  /// a row whose folder is missing gets it back if a stray folder has the
  /// same content. Only what the registry itself left behind is removed.
  ///
  /// - Parameters:
  ///   - changed: what to do with an adapter whose files have changed.
  ///   - model: the base model that stray folders are taken in for.
  ///   - describe: reads the adapter in the folder at a path; it throws for
  ///     a folder that holds none.
  public func repair(
    changed: ChangedFolders = .quarantine, model: String? = nil, describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> [RepairStep] {
    try storage.requireWriting()
    let findings = try verify()
    var strays = findings.compactMap { if case .strayFolder(let path) = $0 { path } else { nil } }
    var settled: [Owner: RepairStep.Outcome] = [:]
    var steps: [RepairStep] = []
    for finding in findings.sorted(by: { $0.isMissingFolder && !$1.isMissingFolder }) {
      let outcome: RepairStep.Outcome
      switch finding {
      case .damagedDatabase: outcome = .left(reason: "a damaged database is replaced by a copy that is sound")
      case .missingFolder(let owner, _): outcome = try restore(owner, from: &strays)
      case .missingFile(let owner, _), .changedFile(let owner, _, _, _), .addedFile(let owner, _),
        .unreadable(let owner, _, _):
        if let known = settled[owner] { outcome = known } else { outcome = try settle(owner, changed, describe) }
        settled[owner] = outcome
      case .strayFolder(let path):
        guard strays.contains(path) else { continue }
        outcome = try adoptOrQuarantine(path, for: model, describe)
      case .abandonedImport(let path):
        try FileSystem.removeTree(path)
        outcome = .discarded
      case .unfinishedRemoval(let path):
        try finishRemoval(of: place.stored(path))
        outcome = .discarded
      }
      steps.append(RepairStep(finding: finding, outcome: outcome))
    }
    return steps
  }

  // MARK: Rows without their folder

  private func restore(_ owner: Owner, from strays: inout [String]) throws(RegistryError) -> RepairStep.Outcome {
    guard let folder = try folder(of: owner) else { return .left(reason: "it is gone by now") }
    for (index, path) in strays.enumerated() {
      guard let contents = try? FolderContents(of: path), contents.digest == folder.digest else { continue }
      let stored = place.stored(path)
      try storage.write { db in
        try FolderRow.filter(key: folder.id).updateAll(db, Column("path").set(to: stored))
        try note(.restore, model: owner.model, subject: owner.name, detail: stored, db)
      }
      strays.remove(at: index)
      return .restored(path: path)
    }
    return .left(reason: "put the folder back, or remove \(owner)")
  }

  private func folder(of owner: Owner) throws(RegistryError) -> FolderRow? {
    try storage.read { db in
      let known = try knownFolders(db).folders.first { $0.owner == owner }
      return try known.flatMap { try FolderRow.fetchOne(db, key: $0.identity.id) }
    }
  }

  // MARK: Changed folders

  private func settle(
    _ owner: Owner, _ changed: ChangedFolders, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    guard let folder = try folder(of: owner) else { return .left(reason: "it is gone by now") }
    if changed == .accept { return try renew(owner, folder, describe) }
    guard owner.kind != .model, place.managedName(folder.path) != nil else {
      return .left(reason: "its folder does not lie in the folder of adapters")
    }
    do {
      try storage.write { db in
        let model = try modelRow(db, named: owner.model)
        let key = ["modelId": model.id, "name": owner.name] as [String: (any DatabaseValueConvertible)?]
        if owner.kind == .adapter {
          try requireUnused(adapterRow(db, named: owner.name, of: model), of: model, db)
          try AdapterRow.deleteOne(db, key: key)
        } else {
          try FusionRow.deleteOne(db, key: key)
        }
        try FolderRow.deleteOne(db, key: folder.id)
        try note(.quarantine, model: owner.model, subject: owner.name, detail: folder.path, db)
      }
    } catch .inUse(_, _, _, let users) {
      return .left(reason: "it is used by \(users.joined(separator: ", "))")
    }
    return .quarantined(path: try quarantine(place.absolute(folder.path)))
  }

  private func renew(
    _ owner: Owner, _ folder: FolderRow, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    let path = place.absolute(folder.path)
    guard let folderId = folder.id else { return .left(reason: "it is gone by now") }
    let contents: FolderContents
    var description: AdapterDescription?
    do {
      let names = place.managedName(folder.path) == nil ? try recordedFiles(of: folderId) : nil
      contents = try FolderContents(of: path, files: names)
      if owner.kind == .adapter { description = try describe(path) }
      try description?.check()
    } catch { return .left(reason: "\(error)") }
    try storage.write { db in
      try renew(contents, of: folderId, db)
      if let description {
        var row = try adapterRow(db, named: owner.name, of: modelRow(db, named: owner.model))
        row.method = description.method
        row.configuration = description.configuration
        row.parameterCount = description.parameterCount
        row.headKind = description.head?.kind
        row.headLabels = description.head?.labels
        row.changed = Date()
        try row.update(db)
      }
      let action: LogAction =
        switch owner.kind {
        case .model: .renewModel
        case .fusion: .renewFusion
        default: .renewAdapter
        }
      try note(action, model: owner.model, subject: owner.name, detail: contents.digest.text, db)
    }
    return .renewed(digest: contents.digest)
  }

  private func recordedFiles(of folderId: Int64) throws(RegistryError) -> [String] {
    try storage.read { db in try fileRows(db, of: folderId).map(\.name) }
  }

  // MARK: Folders without a row

  private func adoptOrQuarantine(
    _ path: String, for model: String?, _ describe: (String) throws -> AdapterDescription
  ) throws(RegistryError) -> RepairStep.Outcome {
    let name = FileSystem.lastPart(of: path)
    let description: AdapterDescription
    do { description = try describe(path) } catch { return try quarantine(path, because: "\(error)") }
    do {
      try importAdapter(folder: path, as: name, of: model, describedBy: description)
      try storage.write { db in
        try note(.adopt, model: modelRow(db, named: model).name, subject: name, detail: place.stored(path), db)
      }
      return .adopted(adapter: name)
    } catch {
      if error.namesNoModel { return .left(reason: error.clause) }
      guard error.isAboutTheFolder else { throw error }
      return try quarantine(path, because: error.clause)
    }
  }

  private func quarantine(_ path: String, because reason: String) throws(RegistryError) -> RepairStep.Outcome {
    let moved = try quarantine(path)
    try storage.write { db in
      try note(.quarantine, model: nil, subject: FileSystem.lastPart(of: path), detail: reason, db)
    }
    return .quarantined(path: moved)
  }

  /// Moves a folder out of the way and returns where to.
  private func quarantine(_ path: String) throws(RegistryError) -> String {
    let home = place.adapters + "/.quarantine"
    try FileSystem.ensureFolder(home)
    let name = FileSystem.lastPart(of: path)
    var target = "\(home)/\(name)"
    var number = 1
    while FileSystem.exists(target) {
      number += 1
      target = "\(home)/\(name)-\(number)"
    }
    try FileSystem.move(path, to: target)
    return target
  }
}

extension Finding {
  fileprivate var isMissingFolder: Bool { if case .missingFolder = self { true } else { false } }
}

extension RegistryError {
  fileprivate var namesNoModel: Bool {
    switch self {
    case .noDefaultModel, .unknown(.model, _, _, _): true
    default: false
    }
  }

  /// Whether the fault lies with the folder, not with the registry.
  fileprivate var isAboutTheFolder: Bool {
    switch self {
    case .badName, .badValue, .file, .unexpectedEntry, .folderTaken, .nameTaken, .wrongBase: true
    default: false
    }
  }
}
