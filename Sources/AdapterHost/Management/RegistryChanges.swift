public import AdapterMethods
public import AdapterRegistry

extension Registry {
  /// Renames an adapter or a fusion, and an adapter in every setup that uses it.
  ///
  /// - Throws: `RegistryError`; nothing is then changed.
  public func rename(_ name: String, to newName: String, of model: String) throws(RegistryError) {
    guard case .adapter = try item(named: name, of: model).record else {
      return try renameFusion(name, to: newName, of: model)
    }
    try renameAdapter(name, to: newName, of: model) { text in
      (try? Composition(text))?.renamed { $0 == name ? newName : $0 }.description
    }
  }

  /// Unregisters an adapter or a fusion, and removes its folder if the registry owns it.
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

  /// Sets the active composition of a base model.
  ///
  /// - Throws: `WorkspaceError.unknownFusion`, `RegistryError`: all its parts must be registered.
  public func activate(_ composition: Composition, of model: String) throws {
    try requireFusions(of: composition, model: model)
    try activate(composition.description, using: composition.adapters, of: model)
  }

  /// Saves a composition as a named setup, replacing an existing one only if `replacing`.
  ///
  /// - Throws: the errors of ``activate(_:of:)``; `RegistryError.nameTaken`.
  public func saveSetup(
    _ name: String, _ composition: Composition, of model: String, replacing: Bool = true
  ) throws {
    try requireFusions(of: composition, model: model)
    try saveSetup(
      name, expression: composition.description, using: composition.adapters, of: model, replacing: replacing)
  }

  /// The composition for a text: the setup with this name, or else the parsed text.
  ///
  /// - Throws: `CompositionError`, `RegistryError`.
  public func composition(_ text: String, of model: String) throws -> Composition {
    let composition = try Composition(text)
    guard case .adapter(let name) = composition,
      let saved = try setups(of: model).first(where: { $0.name == name })
    else { return composition }
    return try Composition(saved.expression)
  }

  /// The fusions that a new one would replace: the one with its name, and the one of the same adapters.
  func replaced(by name: String, joining adapters: [String], of model: String) throws(RegistryError) -> [FusionRecord] {
    try fusions(of: model).filter { $0.name == name || $0.adapters == adapters }
  }

  private func requireFusions(of composition: Composition, model: String) throws {
    let known = try fusions(of: model).map(\.adapters)
    for members in composition.fusedAdapters where !known.contains(members) {
      // A missing adapter is the more likely cause.
      _ = try adapters(named: members, of: model)
      throw WorkspaceError.unknownFusion(adapters: members, model: model, known: known)
    }
  }

  /// Repairs the findings of `verify` as far as no data can be lost; stray folders are read as adapters.
  ///
  /// - Parameters:
  ///   - changed: how to handle an adapter whose files have changed.
  ///   - model: the base model for stray folders.
  public func repair(changed: ChangedFolders, of model: ModelRecord) throws(RegistryError) -> [RepairStep] {
    try repair(changed: changed, model: model.name) { folder in
      try AdapterDescription.readForImport(folder, for: model).description
    }
  }
}

extension RepairStep.Outcome {
  /// Whether the finding is still unresolved.
  public var isOpen: Bool { if case .left = self { true } else { false } }
}
