import AdapterHost
import Checkpoints
import Foundation
import TestSupport

/// A case of the reference with everything that a call of `adapter-cli forward` can say, as its `case.json` describes it.
struct MemberCase {
  private let fields: ConfigurationFields
  private let also: ConfigurationFields?
  let folder: String

  static let root = Fixtures.file("parity-second").path

  /// The names of all cases.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: root + "/cases").sorted()
  }

  init(_ name: String) throws {
    folder = "\(Self.root)/cases/\(name)"
    fields = try ConfigurationFields(path: folder + "/case.json")
    also = try fields.object("also")
  }

  var expected: [String: ParityTensor] { get throws { try ParityTensor.read(folder + "/expected.safetensors") } }
  var mask: ParityMask { get throws { try ParityMask(folder: folder) } }

  /// The base model, the adapters and everything else, with other folders for some adapters and heads.
  func request(replacing replaced: [String: String] = [:]) throws -> WorkspaceRequest {
    func folders(_ key: String) throws -> NamedFolders {
      var folders: NamedFolders = [:]
      for (name, path) in try fields.object(key)?.members.sorted(by: { $0.key < $1.key }) ?? [] {
        guard case .string(let path) = path else { continue }
        folders[name] = replaced[name] ?? "\(folder)/\(path)"
      }
      return folders
    }
    var request = WorkspaceRequest(
      model: "\(Self.root)/bases/\(try fields.string("base") ?? "")", adapters: try folders("adapters"),
      fusions: try folders("fusions"), headFolders: try folders("heads"), setup: try fields.string("setup"),
      heads: try fields.strings("active_heads"), usesActiveSetup: false)
    for (name, layers) in try also?.object("leave_out")?.members ?? [:] {
      guard case .array(let layers) = layers else { continue }
      request.leaveOut[name] = Set(layers.compactMap(\.wholeNumber))
    }
    request.skippedLayers = Set(try also?.integers("skip_layers") ?? [])
    for (name, path) in try also?.object("embeddings")?.members ?? [:] {
      if case .string(let path) = path { request.embeddings[name] = "\(folder)/\(path)" }
    }
    request.activeEmbeddings = try also?.string("active_embeddings")
    return request
  }

  /// Runs a request and reads the tensors that it writes.
  func run(_ request: WorkspaceRequest) throws -> [String: ParityTensor] {
    let workspace = try Workspace(request)
    var model = try workspace.loadModel(compute: TinyModel.compute)
    if let merge = try fields.string("merge") { try model.mergeAdapter(merge) }
    let scratch = try TemporaryFolder()
    let output = scratch.path("output.safetensors")
    try ForwardRequest(
      inputs: folder + "/inputs.json", setup: workspace.setup, heads: workspace.heads,
      recording: ParityCase.kinds(try expected)
    ).run(model, output: output)
    return try ParityTensor.read(output)
  }

  /// The adapters and heads that this package makes itself, by the names that the case runs them under.
  func made(in scratch: TemporaryFolder) throws -> [String: String] {
    var made: [String: String] = [:]
    var model = try Workspace(request()).loadModel(compute: TinyModel.compute)
    func names(_ fields: ConfigurationFields) throws -> (name: String, of: [String], weights: [Float]?) {
      guard case .array(let weights)? = fields.members["weights"] else {
        return (try fields.string("name") ?? "", try fields.strings("of") ?? [], nil)
      }
      return (
        try fields.string("name") ?? "", try fields.strings("of") ?? [],
        weights.compactMap { $0.double.map { Float($0) } }
      )
    }
    if let average = try also?.object("average_adapter") {
      let (name, inputs, weights) = try names(average)
      let strategies: [String: WeightedCombination.Strategy] = [
        "linear": .linear, "lora_linear_only_negate_b": .negateB, "lora_delta_w_svd": .svd,
      ]
      let combination = WeightedCombination(
        strategies[try average.string("combine_strategy") ?? ""] ?? .linear, weights: weights,
        normalizesWeights: try average.bool("normalize_weights") ?? true,
        rank: try average.integer("svd_rank", in: 1...1 << 10))
      try model.averageAdapter(name, of: inputs, combination, overwrite: true)
      made[name] = scratch.path(name)
      try model.saveAdapter(name, to: scratch.path(name), withHead: false)
    }
    if let average = try also?.object("average_head") {
      let (name, inputs, weights) = try names(average)
      try model.averageHead(name, of: inputs, weights: weights, overwrite: true)
      made[name] = scratch.path(name)
      try model.saveHead(name, to: scratch.path(name))
    }
    if let eject = try also?.object("eject_prefix_tuning"), let source = try eject.string("from") {
      try model.ejectPrefixTuning(source)
      for name in [source, try eject.string("to") ?? source] {
        made[name] = scratch.path(name)
        try model.saveAdapter(source, to: scratch.path(name), withHead: false)
      }
    }
    return made
  }

  /// The same as a folder of a whole setup; nil for a case without one.
  var setupRequest: WorkspaceRequest? {
    get throws {
      guard let setup = try also?.string("setup_folder") else { return nil }
      return WorkspaceRequest(
        model: "\(Self.root)/bases/\(try fields.string("base") ?? "")", setupFolder: "\(folder)/\(setup)",
        usesActiveSetup: false)
    }
  }
}
