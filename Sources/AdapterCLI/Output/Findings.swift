internal import AdapterHost

extension Finding {
  /// The finding as JSON.
  var object: JSONValue {
    var members: [String: JSONValue] = ["finding": .string(kind), "message": .string(description)]
    members["path"] = path.map { .string($0) }
    if let owner {
      members["of"] = .object([
        "kind": .string(owner.kind.rawValue), "name": .string(owner.name),
        "model": owner.model.map { .string($0) } ?? .null,
      ])
    }
    if case .changedFile(_, _, let recorded, let found) = self {
      members["recorded"] = .string(recorded.text)
      members["found"] = .string(found.text)
    }
    return .object(members)
  }

  private var kind: String {
    switch self {
    case .damagedDatabase: "damaged_database"
    case .missingFolder: "missing_folder"
    case .missingFile: "missing_file"
    case .changedFile: "changed_file"
    case .addedFile: "added_file"
    case .unreadable: "unreadable"
    case .strayFolder: "stray_folder"
    case .abandonedImport: "abandoned_import"
    case .unfinishedRemoval: "unfinished_removal"
    case .unusableNote: "unusable_note"
    }
  }

  private var path: String? {
    switch self {
    case .damagedDatabase: nil
    case .missingFolder(_, let path), .missingFile(_, let path), .changedFile(_, let path, _, _),
      .addedFile(_, let path), .unreadable(_, let path, _), .strayFolder(let path), .abandonedImport(let path),
      .unfinishedRemoval(let path), .unusableNote(let path):
      path
    }
  }
}

extension RepairStep {
  /// The problem and its repair as JSON.
  var object: JSONValue {
    guard case .object(var members) = finding.object else { return finding.object }
    members["message"] = .string(description)
    switch outcome {
    case .adopted(let adapter): (members["outcome"], members["adapter"]) = (.string("adopted"), .string(adapter))
    case .restored(let path): (members["outcome"], members["to"]) = (.string("restored"), .string(path))
    case .renewed(let digest): (members["outcome"], members["digest"]) = (.string("renewed"), .string(digest.text))
    case .quarantined(let path): (members["outcome"], members["to"]) = (.string("quarantined"), .string(path))
    case .discarded: members["outcome"] = .string("discarded")
    case .forgotten: members["outcome"] = .string("forgotten")
    case .left(let reason): (members["outcome"], members["reason"]) = (.string("left"), .string(reason))
    }
    return .object(members)
  }
}
