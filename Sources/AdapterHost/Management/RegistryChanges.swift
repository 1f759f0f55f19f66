internal import AdapterMethods
public import AdapterRegistry

extension Registry {
  /// Gives an adapter another name, in every setup that uses it too.
  ///
  /// - Throws: `RegistryError`; nothing is changed then.
  public func rename(adapter name: String, to newName: String, of model: String? = nil) throws(RegistryError) {
    try renameAdapter(name, to: newName, of: model) { text in
      (try? Composition(text))?.renamed { $0 == name ? newName : $0 }.description
    }
  }

  /// Makes a composition count for a base model, instead of the one before.
  ///
  /// - Throws: `WorkspaceError.fusionInSetup`, because nothing would load the fusion; `RegistryError`.
  public func activate(_ composition: Composition, of model: String) throws {
    guard !composition.fuses else { throw WorkspaceError.fusionInSetup(setup: composition.description) }
    try activate(composition.description, using: composition.adapters, of: model)
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

extension Composition {
  /// Whether it holds a Fuse.
  fileprivate var fuses: Bool { if case .fuse = self { true } else { children.contains { $0.fuses } } }
}

extension RepairStep.Outcome {
  /// Whether the finding is still there.
  public var isOpen: Bool { if case .left = self { true } else { false } }
}
