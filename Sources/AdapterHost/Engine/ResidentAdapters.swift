public import AdapterMethods
internal import Synchronization

/// Where adapters come from that are loaded on demand.
public protocol AdapterSource: Sendable {
  /// What identifies the adapter's present version: equal digests are equal files.
  ///
  /// - Throws: if there is no such adapter.
  func digest(ofAdapter name: String) throws -> String

  /// Loads what a composition names and the model does not have: adapters and fusions, each with its head.
  func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws
}

/// A model whose adapters are loaded when they are first named, and leave when their memory is needed: the ones that were
/// used least recently, never those in use.
///
/// Each change makes a new model value. Whoever has a lease keeps the model that it was given, so an adapter that is
/// replaced answers what was leased before with the old weights, and what is leased later with the new ones.
final class ResidentAdapters: Sendable {
  /// The right to use some adapters of one model; the memory of adapters in use is not taken.
  final class Lease: Sendable {
    let model: DebertaV2AdapterModel
    /// The digests of the adapters, by name.
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
  /// The adapters that were there from the start.
  private let permanent: Set<String>
  private let state: Mutex<State>
  /// Held while an adapter is read, so that nobody reads it twice; passes and other leases go on.
  private let loading = Mutex(())

  /// - Parameters:
  ///   - model: with the adapters that always stay.
  ///   - source: of the others; nil: there are none.
  ///   - budget: the most bytes of adapters that were loaded on demand.
  init(_ model: DebertaV2AdapterModel, _ source: (any AdapterSource)?, budget: Int) {
    state = Mutex(State(model: model))
    permanent = Set(model.adapterNames)
    self.source = source
    self.budget = budget
  }

  /// The number of adapters that were loaded on demand and are there, their bytes, and how often one was loaded.
  var residents: (count: Int, bytes: Int, loads: Int) {
    state.withLock { state in (state.entries.count, state.entries.values.reduce(0) { $0 + $1.bytes }, state.loads) }
  }

  /// The model as it is now, and the digests of its adapters.
  var current: (model: DebertaV2AdapterModel, digests: [String: String]) {
    state.withLock { ($0.model, $0.entries.mapValues(\.digest)) }
  }

  /// Leases the adapters of some compositions; what is missing or has changed is loaded.
  ///
  /// - Throws: what the source throws; nothing has changed then.
  func lease(_ compositions: [Composition]) throws -> Lease {
    guard let source else { return Lease(current.model, [:], self) }
    var wanted: [String: String] = [:]
    for name in Set(compositions.flatMap(\.adapters)).subtracting(permanent) {
      wanted[name] = try source.digest(ofAdapter: name)
    }
    if let lease = leaseIfPresent(wanted, compositions) { return lease }
    return try loading.withLock { _ in
      // Whoever held the lock may have loaded it.
      if let lease = leaseIfPresent(wanted, compositions) { return lease }
      var (model, digests) = current
      for (name, digest) in wanted where digests[name] != nil && digests[name] != digest {
        try model.deleteAdapter(name)
        if model.head(name) != nil { try model.deleteHead(name) }
        digests[name] = nil
      }
      for composition in compositions { try source.load(composition, into: &model) }
      return state.withLock { state in
        for (name, digest) in wanted where digests[name] == nil {
          state.entries[name] = Entry(digest: digest, bytes: model.bytes(ofAdapter: name))
          state.loads += 1
        }
        state.model = model
        let lease = use(wanted, &state)
        evict(&state)
        return lease
      }
    }
  }

  private func leaseIfPresent(_ wanted: [String: String], _ compositions: [Composition]) -> Lease? {
    state.withLock { state in
      let fusions = compositions.flatMap(\.fusedAdapters).map { AdapterFusion.name(of: $0) }
      let isThere =
        wanted.allSatisfy { state.entries[$0]?.digest == $1 } && fusions.allSatisfy { state.model.fusion($0) != nil }
      return isThere ? use(wanted, &state) : nil
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
      // An adapter that a loaded fusion joins stays with it.
      guard (try? state.model.deleteAdapter(name)) != nil else { return }
      if state.model.head(name) != nil { try? state.model.deleteHead(name) }
      state.entries[name] = nil
      bytes -= entry.bytes
    }
  }
}

extension DebertaV2AdapterModel {
  /// The memory of an adapter and the head of its name.
  fileprivate func bytes(ofAdapter name: String) -> Int {
    let own = adapter(name)?.parameters.specs.reduce(0) { $0 + $1.count } ?? 0
    return 4 * (own + (head(name)?.parameterCount ?? 0))
  }
}
