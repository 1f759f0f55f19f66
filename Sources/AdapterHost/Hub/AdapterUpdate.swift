public import AdapterRegistry
public import Hub

/// What became of an adapter that was to be updated.
public enum AdapterUpdate: Sendable {
  /// Its address stands for the same content as before.
  case unchanged(AdapterRecord)
  /// A newer one has its name; the one before has another.
  case updated(AdapterRecord, old: AdapterRecord)
}

/// Why an adapter is not updated.
public struct AdapterUpdateError: Error, Hashable, Sendable, CustomStringConvertible {
  let name: String
  let source: String

  public init(_ record: AdapterRecord) { (name, source) = (record.name, record.source) }

  public var description: String {
    "'\(name)' was not imported from an address of the Hub or of an archive, so there is nothing to look up. It comes "
      + "from: \(source). Import a newer folder under another name."
  }
}

extension AdapterRecord {
  /// Where it was fetched from.
  ///
  /// - Throws: `AdapterUpdateError`, if it was not.
  public var requiredOrigin: AdapterOrigin {
    get throws(AdapterUpdateError) {
      guard let origin else { throw AdapterUpdateError(self) }
      return origin
    }
  }
}

extension AdapterDescription {
  /// Notes where an adapter was fetched from, if it was.
  mutating func note(_ fetched: FetchedFolder?) {
    guard let fetched else { return }
    source = fetched.address
    origin = AdapterOrigin(address: fetched.address, revision: fetched.revision)
  }
}

extension Registry {
  /// Registers what was fetched in the place of an adapter, also in the setups that use it. The version before stays
  /// registered as `NAME-` with the first digits of its revision.
  ///
  /// - Parameters:
  ///   - name: the adapter; it was fetched before.
  ///   - model: its base model.
  ///   - fetched: what its address stands for now.
  /// - Throws: `AdapterUpdateError`; what an import throws. The adapter is then as it was.
  public func update(_ name: String, of model: ModelRecord, to fetched: FetchedFolder) throws -> AdapterUpdate {
    let old = try adapter(named: name, of: model.name)
    let origin = try old.requiredOrigin
    guard origin.revision != fetched.revision else { return .unchanged(old) }
    let taken = Set(try adapters(of: model.name).map(\.name))
    let oldName = "\(name)-\(origin.shortRevision)"
    let free = taken.contains(oldName) ? (2...).lazy.map { "\(oldName)-\($0)" }.first { !taken.contains($0) } : oldName
    let (new, kept) = try updateAdapter(
      name, of: model.name, from: fetched.path, files: AdapterDescription.files(in: fetched.path),
      keepingOldAs: free ?? oldName
    ) { copy in
      var description = try AdapterDescription.readForImport(copy, for: model).description
      description.note(fetched)
      return description
    }
    return .updated(new, old: kept)
  }
}
