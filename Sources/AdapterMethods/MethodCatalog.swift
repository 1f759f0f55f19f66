public import Checkpoints

/// The methods that configurations can use.
public struct MethodCatalog: Sendable {
  private let methods: [any AdapterMethod.Type]

  /// - Parameter methods: if several share an architecture, the first that claims a configuration reads it.
  public init(_ methods: [any AdapterMethod.Type]) { self.methods = methods }

  /// The methods of this package.
  public static let standard = MethodCatalog([
    Bottleneck.self, DoRA.self, IA3.self, VeRA.self, LoRA.self, MTLLoRA.self, Reft.self, PrefixTuning.self,
    PromptTuning.self,
  ])

  /// Adds methods, such as an application's; they take precedence.
  public func adding(_ methods: any AdapterMethod.Type...) -> MethodCatalog { MethodCatalog(methods + self.methods) }

  /// The configuration of a method without presets, which needs only its architecture.
  func configuration(ofArchitecture name: String) -> [String: JSONValue]? {
    methods.contains { $0.architecture == name } ? ["architecture": .string(name)] : nil
  }

  /// Reads a configuration; `architecture` selects the method.
  ///
  /// - Throws: `ConfigurationError`, also for a method that is not in the catalog.
  public func method(_ fields: ConfigurationFields) throws(ConfigurationError) -> any AdapterMethod {
    if try PeftAdapter.claims(fields) { return try PeftAdapter(fields) }
    let architecture = try fields.string("architecture")
    if architecture == Union.architecture { return try Union(fields, self) }
    for method in methods where method.architecture == architecture {
      if try method.claims(fields) { return try method.init(fields) }
    }
    let known = Set(methods.map { $0.architecture.map { "'\($0)'" } ?? "none (a bottleneck)" } + ["'union'"])
    throw .impossible(
      key: "architecture", value: "'\(architecture ?? "none")'",
      expected: "one of " + known.sorted().joined(separator: ", "), file: fields.file)
  }
}
