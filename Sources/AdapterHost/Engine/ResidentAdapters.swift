public import AdapterMethods
internal import Synchronization

/// A source of adapters to load on demand.
public protocol AdapterSource: Sendable {
  /// Identifies the current version of the adapter: equal digests mean equal files.
  ///
  /// - Throws: if there is no such adapter.
  func digest(ofAdapter name: String) throws -> String

  /// The digest of a fusion in a composition.
  ///
  /// - Throws: if there is no such fusion.
  func digest(of fusion: Composition.NamedFusion) throws -> String

  /// Loads the adapters and fusions of a composition that the model does not have, each with its head.
  func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws
}

/// A model whose adapters and fusions are loaded on first use and evicted when memory is needed: the least recently
/// used first, never those in use.
///
/// Each change creates a new model value. A lease keeps its model, so after an adapter is replaced, earlier leases
/// answer with the old weights and later ones with the new.
final class ResidentAdapters: Sendable {
  /// The right to use some adapters of one model; adapters in use are not evicted.
  final class Lease: Sendable {
    let model: DebertaV2AdapterModel
    /// The digests of the adapters and fusions, by name.
    let digests: [String: String]
    private let owner: ResidentAdapters

    fileprivate init(_ model: DebertaV2AdapterModel, _ digests: [String: String], _ owner: ResidentAdapters) {
      self.model = model
      self.digests = digests
      self.owner = owner
    }

    deinit { owner.release(digests) }
  }

  private struct Entry {
    let digest: String
    let bytes: Int
    var users = 0
    var lastUsed: UInt64 = 0
  }

  private struct State {
    var model: DebertaV2AdapterModel
    var entries: [String: Entry] = [:]
    var clock: UInt64 = 0
    var loads = 0
  }

  private let source: (any AdapterSource)?
  private let budget: Int
  /// The adapters and fusions loaded at the start.
  private let permanent: Set<String>
  private let state: Mutex<State>
  private let onLoad: @Sendable (Duration) -> Void
  /// Held while an adapter is read, so that it is not read twice; passes and other leases continue.
  private let loading = Mutex(())

  /// - Parameters:
  ///   - model: with the adapters that are always loaded.
  ///   - source: loads the others; nil: none.
  ///   - budget: the maximum size of on-demand adapters, in bytes.
  ///   - onLoad: called with the duration of a load.
  init(
    _ model: DebertaV2AdapterModel, _ source: (any AdapterSource)?, budget: Int,
    onLoad: @escaping @Sendable (Duration) -> Void = { _ in }
  ) {
    state = Mutex(State(model: model))
    permanent = Set(model.adapterNames + model.fusionNames)
    self.source = source
    self.budget = budget
    self.onLoad = onLoad
  }

  /// The number of loaded on-demand adapters, their bytes, and the number of loads so far.
  var residents: (count: Int, bytes: Int, loads: Int) {
    state.withLock { state in (state.entries.count, state.entries.values.reduce(0) { $0 + $1.bytes }, state.loads) }
  }

  /// The current model, and the digests of its adapters.
  var current: (model: DebertaV2AdapterModel, digests: [String: String]) {
    state.withLock { ($0.model, $0.entries.mapValues(\.digest)) }
  }

  /// Leases the adapters of some compositions, loading those that are missing or have changed.
  ///
  /// - Throws: the errors of the source; nothing is then changed.
  func lease(_ compositions: [Composition]) throws -> Lease {
    guard let source else { return Lease(current.model, [:], self) }
    var wanted: [String: String] = [:]
    for name in Set(compositions.flatMap(\.adapters)).subtracting(permanent) {
      wanted[name] = try source.digest(ofAdapter: name)
    }
    for fusion in compositions.flatMap(\.fusions) where !permanent.contains(fusion.name) {
      wanted[fusion.name] = try source.digest(of: fusion)
    }
    if let lease = leaseIfPresent(wanted) { return lease }
    return try loading.withLock { _ in
      // The previous holder of the lock may have loaded it.
      if let lease = leaseIfPresent(wanted) { return lease }
      var (model, digests) = current
      for (name, digest) in wanted where digests[name] != digest {
        model.removeResident(name)
        digests[name] = nil
      }
      let start = ContinuousClock.now
      for composition in compositions { try source.load(composition, into: &model) }
      onLoad(ContinuousClock.now - start)
      return state.withLock { state in
        for (name, digest) in wanted where digests[name] == nil {
          state.entries[name] = Entry(digest: digest, bytes: model.bytes(ofResident: name))
          state.loads += 1
        }
        // What was evicted during the load is still in the model that it was loaded into.
        for name in model.adapterNames + model.fusionNames
        where !permanent.contains(name) && state.entries[name] == nil {
          model.removeResident(name)
        }
        state.model = model
        let lease = use(wanted, &state)
        evict(&state)
        return lease
      }
    }
  }

  /// Removes an adapter or a fusion, unless it is in use.
  ///
  /// - Returns: whether it was loaded and is now removed.
  func unload(_ name: String) -> Bool {
    loading.withLock { _ in
      state.withLock { state in
        guard let entry = state.entries[name], entry.users <= 0 else { return false }
        state.model.removeResident(name)
        state.entries[name] = nil
        return true
      }
    }
  }

  private func leaseIfPresent(_ wanted: [String: String]) -> Lease? {
    state.withLock { state in
      wanted.allSatisfy { state.entries[$0]?.digest == $1 } ? use(wanted, &state) : nil
    }
  }

  private func use(_ wanted: [String: String], _ state: inout State) -> Lease {
    state.clock += 1
    for name in wanted.keys {
      state.entries[name]?.users += 1
      state.entries[name]?.lastUsed = state.clock
    }
    return Lease(state.model, wanted, self)
  }

  private func release(_ digests: [String: String]) {
    state.withLock { state in
      for (name, digest) in digests where state.entries[name]?.digest == digest { state.entries[name]?.users -= 1 }
      evict(&state)
    }
  }

  private func evict(_ state: inout State) {
    var bytes = state.entries.values.reduce(0) { $0 + $1.bytes }
    while bytes > budget,
      let (name, entry) = state.entries.filter({ $0.value.users <= 0 }).min(by: {
        $0.value.lastUsed < $1.value.lastUsed
      })
    {
      state.model.removeResident(name)
      state.entries[name] = nil
      bytes -= entry.bytes
    }
  }
}

extension DebertaV2AdapterModel {
  /// The size of an adapter or a fusion, with the head that follows it.
  fileprivate func bytes(ofResident name: String) -> Int {
    let own = (adapter(name)?.parameters ?? fusion(name)?.parameters)?.specs.reduce(0) { $0 + $1.count } ?? 0
    let head = head(following: name).flatMap { self.head($0)?.parameterCount } ?? 0
    return 4 * (own + head)
  }

  /// Removes an adapter or a fusion, if it is loaded, with the head that follows it.
  fileprivate mutating func removeResident(_ name: String) {
    guard adapter(name) != nil || fusion(name) != nil else { return }
    let head = head(following: name)
    // Both exist, so this does not throw.
    if adapter(name) != nil { try? deleteAdapter(name) } else { try? deleteAdapterFusion(name) }
    if let head { try? deleteHead(head) }
  }
}
