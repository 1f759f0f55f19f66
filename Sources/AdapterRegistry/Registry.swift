internal import Files

/// The base models, adapters, fusions and setups of one `registry.sqlite`.
///
/// ```swift
/// let registry = try Registry.open(path: "registry.sqlite", for: .reading)
/// for adapter in try registry.adapters() {
///   print(adapter.name, adapter.method, adapter.isActive ? "active" : "")
/// }
/// ```
///
/// A registry holds records, folders and digests, never tensors, and it does
/// not understand compositions: it stores their text with the names that the
/// caller says they use.
///
/// **Files.** Paths are stored relative to the folder of `registry.sqlite`
/// where they lie in it. Imported adapters are published in `Adapters/`
/// beside the database: written beside their place, forced to the disk,
/// renamed, and then entered, so that each is wholly there or wholly absent
/// whenever the process is stopped.
///
/// **Reading never writes**: it works in a folder that may not be written
/// and leaves nothing behind. A writer keeps a rollback journal beside the
/// file during a change. A change that is refused changes no byte.
///
/// **Concurrency.** A registry can be used from several tasks at once. Any
/// number of processes may read, and several may write: they take turns,
/// and wait up to ten seconds for theirs.
///
/// Wherever `model` is nil the default base model is meant.
///
/// ## Topics
///
/// ### Opening and closing
/// - ``open(path:for:)``
/// - ``create(path:)``
/// - ``requireWritable(path:)``
/// - ``edit(path:creating:_:)``
/// - ``close()``
///
/// ### Base models
/// - ``models(faults:)``
/// - ``model(named:)``
/// - ``defaultModel()``
/// - ``register(modelAt:as:describedBy:files:)``
/// - ``setDefault(model:)``
/// - ``renameModel(_:to:)``
/// - ``removeModel(named:withContents:)``
///
/// ### Adapters
/// - ``adapters(of:faults:)``
/// - ``allAdapters(faults:)``
/// - ``adapter(named:of:)``
/// - ``adapters(named:of:)``
/// - ``files(of:)-(AdapterRecord)``
/// - ``importAdapter(folder:as:of:files:force:replacing:describe:)``
/// - ``updateAdapter(_:of:from:files:keepingOldAs:describe:)``
/// - ``renameAdapter(_:to:of:rewriting:)``
/// - ``removeAdapter(_:of:)``
/// - ``tag(adapter:adding:removing:of:)``
/// - ``annotate(adapter:of:notes:metrics:)``
///
/// ### Fusions
/// - ``fusions(of:faults:)``
/// - ``importFusion(folder:as:of:files:replacing:describe:)``
/// - ``renameFusion(_:to:of:)``
/// - ``removeFusion(_:of:usedBy:)``
///
/// ### Setups
/// - ``activeSetup(of:)``
/// - ``activate(_:using:of:)``
/// - ``deactivate(model:)``
/// - ``setups(of:faults:)``
/// - ``setup(named:of:)``
/// - ``saveSetup(_:expression:using:of:replacing:)``
/// - ``requireFree(setup:of:)``
/// - ``removeSetup(_:of:)``
///
/// ### Looking after it
/// - ``log(limit:faults:)``
/// - ``verify(progress:)``
/// - ``repair(changed:model:describe:)``
public final class Registry: Sendable {
  /// What a registry is opened for.
  public enum Access: Hashable, Sendable { case reading, writing }

  let storage: Storage
  let place: RegistryPlace

  /// The absolute path of the database.
  public var path: String { place.path }

  /// The absolute path of the folder that adapters are published in.
  public var adaptersFolder: String { place.adapters }

  private init(_ storage: Storage, _ place: RegistryPlace) {
    self.storage = storage
    self.place = place
  }

  deinit { try? storage.close() }

  /// Opens a registry that is there.
  ///
  /// A registry that an earlier version wrote is brought up to date when it
  /// is opened for writing.
  ///
  /// - Throws: ``RegistryError/notFound(path:)`` if there is none;
  ///   ``RegistryError/newerSchema(path:found:known:)`` and
  ///   ``RegistryError/notARegistry(path:reason:)`` without having changed
  ///   anything; ``RegistryError/notWritable(path:reason:)`` if it is to be
  ///   written and may not.
  public static func open(path: String, for access: Access) throws(RegistryError) -> Registry {
    let place = RegistryPlace(path: path)
    switch access {
    case .reading:
      let storage = Storage.reading(ReadingFile(path: place.path))
      try storage.read { _ in }
      return Registry(storage, place)
    case .writing:
      let file = try translating(place.path) { try WritingFile(path: place.path) }
      return Registry(.writing(file), place)
    }
  }

  /// Makes an empty registry and opens it for writing.
  ///
  /// - Throws: ``RegistryError/alreadyExists(path:)`` if something is there.
  public static func create(path: String) throws(RegistryError) -> Registry {
    let place = RegistryPlace(path: path)
    try translating(place.path) { try WritingFile.create(path: place.path) }
    return try open(path: place.path, for: .writing)
  }

  /// Refuses a registry that cannot be changed, before the work whose result
  /// is to be registered is begun.
  ///
  /// - Throws: ``RegistryError/notWritable(path:reason:)``; what ``open(path:for:)`` throws.
  public static func requireWritable(path: String) throws(RegistryError) {
    let place = RegistryPlace(path: path)
    try RegistryConnection.requireFile(place.path)
    for part in [place.path, place.folder, place.adapters] where FileSystem.exists(part) {
      if let reason = FileSystem.objectionToWriting(part) { throw .notWritable(path: part, reason: reason) }
    }
    try open(path: path, for: .reading).close()
  }

  /// Refuses to go on where nothing can be registered.
  func requireWriting() throws(RegistryError) {
    try storage.requireWriting()
    if let reason = FileSystem.exists(place.adapters) ? FileSystem.objectionToWriting(place.adapters) : nil {
      throw .notWritable(path: place.adapters, reason: reason)
    }
  }

  /// Opens a registry for writing, hands it to `body`, and closes it.
  ///
  /// - Parameters:
  ///   - path: the registry.
  ///   - creating: whether to make a registry if there is none. If `body`
  ///     throws, that registry is removed again, unless something was entered
  ///     in it or another process writes to it.
  ///   - body: makes the changes.
  /// - Throws: what `body` throws, even if the registry cannot be closed
  ///   afterwards; ``RegistryError``.
  public static func edit<T>(
    path: String, creating: Bool = false, _ body: (Registry) throws -> T
  ) throws -> T {
    let (registry, isNew) = try creating ? openOrCreate(path: path) : (open(path: path, for: .writing), false)
    let result: T
    do { result = try body(registry) } catch {
      try? registry.storage.close(removingIfEmpty: isNew)
      throw error
    }
    try registry.close()
    return result
  }

  /// Opens a registry for writing, or makes one.
  private static func openOrCreate(path: String) throws(RegistryError) -> (Registry, isNew: Bool) {
    for _ in 1...3 {
      do throws(RegistryError) { return (try create(path: path), true) } catch {
        guard case .alreadyExists = error else { throw error }
      }
      do throws(RegistryError) { return (try open(path: path, for: .writing), false) } catch {
        // Another process made it, failed, and removed it meanwhile.
        guard case .notFound = error else { throw error }
      }
    }
    throw .alreadyExists(path: RegistryPlace(path: path).path)
  }

  /// Closes the file. A registry that is let go of closes itself.
  public func close() throws(RegistryError) { try storage.close() }
}
