public import AdapterMethods
public import AdapterRegistry

extension Registry {
  /// Gives an adapter or a fusion another name, an adapter in every setup that uses it too.
  ///
  /// - Throws: `RegistryError`; nothing is changed then.
  public func rename(_ name: String, to newName: String, of model: String) throws(RegistryError) {
    guard case .adapter = try item(named: name, of: model).record else {
      return try renameFusion(name, to: newName, of: model)
    }
    try renameAdapter(name, to: newName, of: model) { text in
      (try? Composition(text))?.renamed { $0 == name ? newName : $0 }.description
    }
  }

  /// Forgets an adapter or a fusion, and removes its folder if that is the registry's own.
  ///
  /// - Throws: `RegistryError.inUse`, with the setups and fusions that use it.
  public func remove(_ item: RegisteredItem) throws(RegistryError) {
    switch item.record {
    case .adapter(let record): try removeAdapter(record.name, of: record.model)
    case .fusion(let record):
      try removeFusion(record.name, of: record.model) { text in
        (try? Composition(text))?.fusedAdapters.contains(record.adapters) ?? false
      }
    }
  }

  /// Makes a composition count for a base model, instead of the one before.
  ///
  /// - Throws: `WorkspaceError.unknownFusion`, `RegistryError`: everything that it names must be registered.
  public func activate(_ composition: Composition, of model: String) throws {
    try requireFusions(of: composition, model: model)
    try activate(composition.description, using: composition.adapters, of: model)
  }

  /// Gives a composition a name, which may have meant another one before if `replacing` allows it.
  ///
  /// - Throws: as ``activate(_:of:)``; `RegistryError.nameTaken`.
  public func saveSetup(
    _ name: String, _ composition: Composition, of model: String, replacing: Bool = true
  ) throws {
    try requireFusions(of: composition, model: model)
    try saveSetup(
      name, expression: composition.description, using: composition.adapters, of: model, replacing: replacing)
  }

  /// The composition that a text means: the setup of this name, or else the text's own.
  ///
  /// - Throws: `CompositionError`, `RegistryError`.
  public func composition(_ text: String, of model: String) throws -> Composition {
    let composition = try Composition(text)
    guard case .adapter(let name) = composition,
      let saved = try setups(of: model).first(where: { $0.name == name })
    else { return composition }
    return try Composition(saved.expression)
  }

  /// The fusions that a new one would take the place of: the one of its name, and the one of the same adapters.
  func replaced(by name: String, joining adapters: [String], of model: String) throws(RegistryError) -> [FusionRecord] {
    try fusions(of: model).filter { $0.name == name || $0.adapters == adapters }
  }

  private func requireFusions(of composition: Composition, model: String) throws {
    let known = try fusions(of: model).map(\.adapters)
    for members in composition.fusedAdapters where !known.contains(members) {
      // A missing adapter is the nearer reason.
      _ = try adapters(named: members, of: model)
      throw WorkspaceError.unknownFusion(adapters: members, model: model, known: known)
    }
  }

  /// Puts right what `verify` finds, as far as nothing can be lost by it; stray folders are read as adapters.
  ///
  /// - Parameters:
  ///   - changed: what to do with an adapter whose files have changed.
  ///   - model: the base model that stray folders are taken in for.
  public func repair(changed: ChangedFolders, of model: ModelRecord) throws(RegistryError) -> [RepairStep] {
    try repair(changed: changed, model: model.name) { folder in
      try AdapterDescription.readForImport(folder, for: model).description
    }
  }
}

extension RepairStep.Outcome {
  /// Whether the finding is still there.
  public var isOpen: Bool { if case .left = self { true } else { false } }
}
