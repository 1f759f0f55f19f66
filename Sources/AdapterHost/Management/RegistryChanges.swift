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
