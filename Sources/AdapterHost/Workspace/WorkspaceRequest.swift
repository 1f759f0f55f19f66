/// What a caller says about the model, the adapters and the heads to work with. Whatever is nil or empty is found.
public struct WorkspaceRequest: Hashable, Sendable {
  /// A checkpoint's folder, or the name of a registered base model; nil is the default one.
  public var model: String?
  /// A registry's path; nil is the one that ``RegistryLocation`` finds.
  public var registry: String?
  /// Adapter folders by the names they shall have.
  public var adapters: NamedFolders
  /// Fusion folders by the names of their adapters, with commas between them.
  public var fusions: NamedFolders
  /// Head folders by the names they shall have.
  public var headFolders: NamedFolders
  /// The text of a composition, or the name of a registered setup.
  public var setup: String?
  /// A folder that `save_adapter_setup` of the Python library wrote, in place of `setup`.
  public var setupFolder: String?
  /// The heads that answer.
  public var heads: [String]?
  /// The names of the outputs of heads that have none.
  public var labels: [String]?
  /// Layers in which an adapter of a name has no modules, besides those that its settings leave out.
  public var leaveOut: [String: Set<Int>] = [:]
  /// Layers in which no adapter acts.
  public var skippedLayers: Set<Int> = []
  /// Folders of word embeddings by the names they shall have.
  public var embeddings: NamedFolders = [:]
  /// The word embeddings that are used; nil: the last ones that are given, or else the base's own.
  public var activeEmbeddings: String?
  /// Whether a model that is named without a setup and without adapters has
  /// the active setup of its registration; if not, it is the base model alone.
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

/// Folders by name, in the order in which they were given.
public struct NamedFolders: Hashable, Sendable, Sequence, ExpressibleByDictionaryLiteral {
  public struct Element: Hashable, Sendable {
    public let name: String
    public let folder: String
  }

  private var elements: [Element] = []

  public init(dictionaryLiteral elements: (String, String)...) {
    for (name, folder) in elements { self[name] = folder }
  }

  /// The folder of a name; a name that is given again keeps its place.
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
