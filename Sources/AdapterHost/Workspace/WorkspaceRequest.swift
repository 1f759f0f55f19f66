/// The model, adapters and heads that a caller wants to use.
///
/// Anything nil or empty is determined automatically.
public struct WorkspaceRequest: Hashable, Sendable {
  /// A checkpoint folder, or the name of a registered base model; nil: the default one.
  public var model: String?
  /// A registry's path; nil: the one found by ``RegistryLocation``.
  public var registry: String?
  /// Adapter folders, by the name to use.
  public var adapters: NamedFolders
  /// Fusion folders, by their adapters' names, joined with commas.
  public var fusions: NamedFolders
  /// Head folders, by the name to use.
  public var headFolders: NamedFolders
  /// The text of a composition, or the name of a registered setup.
  public var setup: String?
  /// A folder written by `save_adapter_setup` of the Python library, instead of `setup`.
  public var setupFolder: String?
  /// The heads that answer.
  public var heads: [String]?
  /// Output names for heads without them.
  public var labels: [String]?
  /// Layers in which an adapter has no modules, by adapter name, in addition to those left out by its settings.
  public var leaveOut: [String: Set<Int>] = [:]
  /// Layers without adapters.
  public var skippedLayers: Set<Int> = []
  /// Folders of word embeddings, by the name to use.
  public var embeddings: NamedFolders = [:]
  /// The active word embeddings; nil: the last ones given, or else the base's.
  public var activeEmbeddings: String?
  /// Whether a model without a given setup or adapters uses the active setup of its registration, instead of the base
  /// model only.
  public var usesActiveSetup = true

  public init(
    model: String? = nil, registry: String? = nil, adapters: NamedFolders = [:], fusions: NamedFolders = [:],
    headFolders: NamedFolders = [:], setup: String? = nil, setupFolder: String? = nil, heads: [String]? = nil,
    labels: [String]? = nil, usesActiveSetup: Bool = true
  ) {
    self.model = model
    self.registry = registry
    self.adapters = adapters
    self.fusions = fusions
    self.headFolders = headFolders
    self.setup = setup
    self.setupFolder = setupFolder
    self.heads = heads
    self.labels = labels
    self.usesActiveSetup = usesActiveSetup
  }
}

/// Folders by name, in the given order.
public struct NamedFolders: Hashable, Sendable, Sequence, ExpressibleByDictionaryLiteral {
  public struct Element: Hashable, Sendable {
    public let name: String
    public let folder: String
  }

  private var elements: [Element] = []

  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, folder) in elements { self[name] = folder }
  }

  /// The folder for a name; a repeated name keeps its position.
  public subscript(name: String) -> String? {
    get { elements.first { $0.name == name }?.folder }
    set {
      let place = elements.firstIndex { $0.name == name }
      guard let newValue else { return elements.removeAll { $0.name == name } }
      let element = Element(name: name, folder: newValue)
      if let place { elements[place] = element } else { elements.append(element) }
    }
  }

  public var names: [String] { elements.map(\.name) }

  public var isEmpty: Bool { elements.isEmpty }

  public func makeIterator() -> [Element].Iterator { elements.makeIterator() }
}
