import AdapterHost
import Checkpoints
import Foundation
import Tensors
import TestSupport

/// A case of the reference, as its `case.json` describes it.
struct ParityCase: Decodable {
  let base: String
  let setup: String?
  let adapters: [String: String]
  let heads: [String: String]
  let fusions: [String: String]
  let activeHeads: [String]?
  let merge: String?

  enum CodingKeys: String, CodingKey {
    case base, setup, adapters, heads, fusions, merge
    case activeHeads = "active_heads"
  }

  /// What is left out of a run, for negative controls.
  enum Omission { case nothing, adapters }

  /// The case of a folder.
  static func named(_ name: String) throws -> ParityCase {
    let data = try Data(contentsOf: URL(filePath: Fixtures.parityCase(name) + "/case.json"))
    return try JSONDecoder().decode(ParityCase.self, from: data)
  }

  /// Runs the case through the public API and reads the tensors that it writes.
  func run(
    _ name: String, leavingOut omission: Omission = .nothing, _ compute: Compute = TinyModel.compute
  ) throws -> [String: ParityTensor] {
    let folder = Fixtures.parityCase(name)
    var model = try TinyModel.load(base, compute)
    for (name, path) in adapters { try model.loadAdapter(folder + "/" + path, as: name) }
    for (name, path) in fusions { try model.loadAdapterFusion(folder + "/" + path, as: name) }
    for (name, path) in heads { try model.loadHead(folder + "/" + path, as: name) }
    if let merge, omission == .nothing { try model.mergeAdapter(merge) }
    let composition = try setup.map { try Composition($0) }
    let scratch = try TemporaryFolder()
    let output = scratch.path("output.safetensors")
    let request = try ForwardRequest(
      inputs: folder + "/inputs.json", setup: omission == .adapters ? nil : composition,
      // Under Parallel heads answer repetitions of the rows, which only the adapters make.
      heads: omission == .adapters ? [] : activeHeads, recording: Self.kinds(try Self.expected(name)))
    try request.run(model, output: output)
    return try ParityTensor.read(output)
  }

  static func expected(_ name: String) throws -> [String: ParityTensor] {
    try ParityTensor.read(Fixtures.parityCase(name) + "/expected.safetensors")
  }

  static func kinds(_ expected: [String: ParityTensor]) -> Trace.Kinds {
    let prefixes: [(String, Trace.Kinds)] = [
      ("hidden_states/", .hiddenStates), ("attentions/", .attentions), ("gating/", .gatingScores),
      ("fusion_attentions/", .fusionAttentions),
    ]
    return prefixes.reduce(into: []) { kinds, kind in
      if expected.keys.contains(where: { $0.hasPrefix(kind.0) }) { kinds.insert(kind.1) }
    }
  }
}

/// The attention mask of a case's inputs: [rows, length].
struct ParityMask {
  let rows: [[Int]]
  var length: Int { rows.first?.count ?? 0 }

  init(_ name: String) throws { try self.init(folder: Fixtures.parityCase(name)) }

  init(folder: String) throws {
    let url = URL(filePath: folder + "/inputs.json")
    let mask = try JSONValue(path: url.path)
    guard case .object(let members) = mask, let mask = members["attention_mask"] else {
      throw ConfigurationError.missing(key: "attention_mask", file: url.path)
    }
    rows = Self.rows(mask)
  }

  private static func rows(_ value: JSONValue) -> [[Int]] {
    guard case .array(let elements) = value else { return [] }
    let numbers = elements.compactMap(\.wholeNumber)
    return numbers.count == elements.count ? [numbers] : elements.flatMap(rows)
  }
}

/// A tensor of a case, with its shape.
struct ParityTensor {
  let shape: [Int]
  let values: [Float]

  static func read(_ path: String) throws -> [String: ParityTensor] {
    let tensors = try TensorFile(path: path).tensors
    return try Dictionary(
      uniqueKeysWithValues: tensors.map { ($0.name, try ParityTensor(shape: $0.shape, values: $0.floats())) })
  }

  /// The values at real tokens; padded positions mean nothing. Rows repeat under Parallel.
  ///
  /// Follows `valid` of the reference's check: prompts and memories stand in front of the tokens.
  func real(_ key: String, _ mask: ParityMask) -> [Float] {
    let perToken = ["last_hidden_state", "hidden_states/", "start_logits/", "end_logits/", "fusion_attentions/"]
    let isAttention = key.hasPrefix("attentions/")
    let isPerToken = perToken.contains(where: key.hasPrefix) || key.hasPrefix("logits/") && shape.count == 3
    guard isAttention || isPerToken, shape.count >= 2 else { return values }
    let axis = isAttention ? 2 : 1
    let front = shape[axis] - mask.length
    let inner = shape[(axis + 1)...].reduce(1, *)
    let between = shape[1..<axis].reduce(1, *)
    return (0..<shape[0]).flatMap { row in
      (0..<between).flatMap { middle in
        (0..<shape[axis]).flatMap { token -> [Float] in
          guard token < front || mask.rows[row % mask.rows.count][token - front] != 0 else { return [] }
          let first = ((row * between + middle) * shape[axis] + token) * inner
          return Array(values[first..<first + inner])
        }
      }
    }
  }
}
