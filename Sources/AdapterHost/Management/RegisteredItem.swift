public import AdapterMethods
public import AdapterRegistry
internal import Checkpoints
internal import Files
public import Foundation

/// An adapter or a fusion: what a composition needs of a registry. They share one space of names.
public enum RegisteredItem: Hashable, Sendable {
  case adapter(AdapterRecord)
  /// A fusion, and whether the active setup uses it.
  case fusion(FusionRecord, isActive: Bool)

  /// The word that `method` has for fusions.
  public static let fusionMethod = "fusion"

  public var name: String {
    switch self {
    case .adapter(let record): record.name
    case .fusion(let record, _): record.name
    }
  }

  public var model: String {
    switch self {
    case .adapter(let record): record.model
    case .fusion(let record, _): record.model
    }
  }

  /// The preset's name of an adapter; `fusion` for a fusion.
  public var method: String {
    switch self {
    case .adapter(let record): record.method
    case .fusion: Self.fusionMethod
    }
  }

  public var head: HeadDescription? {
    switch self {
    case .adapter(let record): record.head
    case .fusion(let record, _): record.head
    }
  }

  /// The adapters that a fusion joins, in order; none for an adapter.
  public var members: [String] {
    switch self {
    case .adapter: []
    case .fusion(let record, _): record.adapters
    }
  }

  public var path: String {
    switch self {
    case .adapter(let record): record.path
    case .fusion(let record, _): record.path
    }
  }

  public var parameterCount: Int {
    switch self {
    case .adapter(let record): record.parameterCount
    case .fusion(let record, _): record.parameterCount
    }
  }

  public var byteCount: Int {
    switch self {
    case .adapter(let record): record.byteCount
    case .fusion(let record, _): record.byteCount
    }
  }

  public var tags: [String] {
    switch self {
    case .adapter(let record): record.tags
    case .fusion: []
    }
  }

  public var isActive: Bool {
    switch self {
    case .adapter(let record): record.isActive
    case .fusion(_, let isActive): isActive
    }
  }

  public var created: Date {
    switch self {
    case .adapter(let record): record.created
    case .fusion(let record, _): record.created
    }
  }

  /// The composition in which it acts alone.
  public var composition: Composition {
    switch self {
    case .adapter(let record): .adapter(record.name)
    case .fusion(let record, _): .fuse(record.adapters.map { .adapter($0) })
    }
  }
}

extension Registry {
  /// The adapters and fusions of a base model, by name.
  ///
  /// - Parameter faults: is called for each row that cannot be read, and the others are returned; without it the first
  ///   such row is thrown.
  public func items(
    of model: String, faults: ((RegistryError) -> Void)? = nil
  ) throws(RegistryError) -> [RegisteredItem] {
    let active = try activeFusions(of: model)
    let fusions = try fusions(of: model, faults: faults)
      .map { RegisteredItem.fusion($0, isActive: active.contains($0.adapters)) }
    let adapters = try adapters(of: model, faults: faults).map { RegisteredItem.adapter($0) }
    return fusions.isEmpty ? adapters : (adapters + fusions).sorted { $0.name < $1.name }
  }

  /// The adapter or fusion of a name.
  ///
  /// - Throws: `RegistryError.unknown`, with names that look like it.
  public func item(named name: String, of model: String) throws(RegistryError) -> RegisteredItem {
    let fusions = try fusions(of: model) { _ in }
    if let fusion = fusions.first(where: { $0.name == name }) {
      return .fusion(fusion, isActive: try activeFusions(of: model).contains(fusion.adapters))
    }
    do {
      return .adapter(try adapter(named: name, of: model))
    } catch {
      guard case .unknown(let kind, let name, let model, let nearest) = error, nearest.isEmpty else { throw error }
      throw .unknown(
        kind: kind, name: name, model: model, nearest: NearestNames.of(name, in: fusions.map(\.name), limit: 2))
    }
  }

  /// The files of an adapter or fusion with their digests, by name.
  public func files(of item: RegisteredItem) throws(RegistryError) -> [FileRecord] {
    switch item {
    case .adapter(let record): try files(of: record)
    case .fusion(let record, _): try files(of: record)
    }
  }

  /// The adapters of each fusion that the active setup uses.
  private func activeFusions(of model: String) throws(RegistryError) -> Set<[String]> {
    // A setup that cannot be read uses nothing; who shows it says so.
    let setup = (try? activeSetup(of: model)).flatMap { try? Composition($0.expression) }
    return Set(setup?.fusedAdapters ?? [])
  }
}
