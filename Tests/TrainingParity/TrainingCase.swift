import AdapterMethods
import Checkpoints
import Deberta
import Foundation
import Heads
import Model
import Tensors
import TestSupport

@testable import Training

/// A recorded run of the reference: its start, ten batches, and what ten steps made of it.
struct TrainingCase {
  let name: String
  let model: TrainableModel
  let batches: [(batch: Batch, targets: [Target])]
  let losses: [Double]
  /// The gradients of the first step, by parameter.
  let gradients: [String: [Float]]
  let decay: Double
  private let folder: String
  private let configuration: DebertaV2Configuration

  /// Where the cases are: the folder that `TRAINING_CASES` names, else the project's own.
  private static let root =
    ProcessInfo.processInfo.environment["TRAINING_CASES"] ?? Fixtures.file("training-parity").path

  /// The names of all cases.
  static var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: root + "/training")) ?? []).sorted()
  }

  init(_ name: String) throws {
    self.name = name
    folder = Self.root + "/training/" + name
    let fields = try ConfigurationFields(path: folder + "/case.json")
    func text(_ key: String) throws -> String { try fields.string(key) ?? "" }
    let base = Self.root + "/training-bases/" + (try text("base"))
    let compute = TinyModel.compute
    let checkpoint = try CheckpointFolder(path: base)
    let shape = try DebertaV2Configuration(json: checkpoint.configuration, file: base + "/config.json")
    configuration = shape
    let trainsBase = try text("train") == "everything"
    let ledger = WeightLedger(checkpoint.weights) { $0.hasPrefix("deberta.") ? String($0.dropFirst(8)) : $0 }
    let encoder = try Encoder(WeightReader(ledger, compute), shape)
    let unused = Set(ledger.unused)
    let tensors = checkpoint.weights.tensors.compactMap { stored -> NamedTensor? in
      let own = stored.name.hasPrefix("deberta.") ? String(stored.name.dropFirst(8)) : stored.name
      guard !unused.contains(own), let values = try? stored.floats() else { return nil }
      return NamedTensor(name: own, shape: stored.shape, copying: values)
    }
    var adapters: [String: Adapter] = [:]
    for path in try Self.folders(folder + "/start/adapters") {
      let (name, adapter) = try SavedAdapter.read(path, for: shape)
      adapters[name] = adapter
    }
    var fusions: [String: AdapterFusion] = [:]
    for path in try Self.folders(folder + "/start/fusions") {
      let (name, fusion) = try SavedFusion.read(path, for: shape)
      fusions[name] = fusion
    }
    let (_, head) = try SavedHead.read(
      folder + "/start/heads/h", hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps, compute)
    model = try TrainableModel(
      base: trainsBase ? TrainableBase(tensors, shape) : TrainableBase(frozen: encoder), adapters: adapters,
      fusions: fusions, heads: ["h": head], setup: try fields.string("setup").map { try Composition($0) },
      training: trainsBase ? .everything : try text("train") == "fusion" ? .fusions(withAdapters: false) : .adapters,
      compute)
    decay = try fields.object("optimizer")?.number("weight_decay") ?? 0
    gradients = try Self.floats(folder + "/gradients.safetensors")
    losses = try Self.json([Double].self, folder + "/losses.json")
    batches = try Self.json([RecordedBatch].self, folder + "/batches.json").map { try $0.read(shape) }
  }

  /// The loss of a batch, and the gradient of each parameter.
  func step(_ index: Int) throws -> (loss: Float, gradients: [Tensor?]) {
    let tape = Tape(model.compute)
    for parameter in model.parameters { tape.watch(parameter.value) }
    let pass = Pass(model.compute, tape: tape)
    let (batch, targets) = batches[index]
    let output = try model.bound(on: pass)(
      batch, .composition(model.setup), heads: ["h"], answering: AnsweredTokens(targets), states: .first, on: pass)
    let (loss, _) = try output.loss(targets, on: pass)
    tape.backward(from: loss)
    return (loss.array[0], model.parameters.map { tape.gradient(of: $0.value) })
  }

  /// A parameter's name among the gradients; the reference lists a prefix under one of the layers that share it.
  func recordedName(_ parameter: TrainedParameter) -> String { savedName(parameter, in: gradients) }

  /// A parameter's name in a state dictionary.
  func savedName(_ parameter: TrainedParameter, in tensors: [String: [Float]]) -> String {
    guard tensors[parameter.name] == nil, let part = parameter.name.range(of: "prefix_tunings.") else {
      return parameter.name
    }
    let member = parameter.name[part.lowerBound...]
    return tensors.keys.sorted().first { $0.hasSuffix(member) } ?? parameter.name
  }

  /// The tensors after ten steps, by parameter; nil where the case records none.
  func weights() throws -> [String: [Float]]? {
    guard FileManager.default.fileExists(atPath: folder + "/end/adapters") else { return nil }
    var weights: [String: [Float]] = [:]
    for part in ["adapters", "heads", "fusions"] {
      for path in try Self.folders(folder + "/end/" + part) {
        for file in try FileManager.default.contentsOfDirectory(atPath: path)
        where file.hasSuffix(".safetensors") || file.hasSuffix(".bin") {
          weights.merge(try Self.floats(path + "/" + file)) { $1 }
        }
      }
    }
    return weights
  }

  private static func folders(_ path: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: path).sorted().map { path + "/" + $0 }
  }

  private static func floats(_ path: String) throws -> [String: [Float]] {
    try TensorFile(path: path).tensors.reduce(into: [:]) { $0[$1.name] = try $1.floats() }
  }

  private static func json<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(filePath: path)))
  }
}

/// A batch as the reference took it.
private struct RecordedBatch: Decodable {
  let inputIDs: [[Int]]
  let attentionMask: [[Int]]
  let tokenTypeIDs: [[Int]]?
  let labels: Labels?
  let startPositions, endPositions: [Int]?

  enum CodingKeys: String, CodingKey {
    case inputIDs = "input_ids"
    case attentionMask = "attention_mask"
    case tokenTypeIDs = "token_type_ids"
    case labels
    case startPositions = "start_positions"
    case endPositions = "end_positions"
  }

  enum Labels: Decodable {
    case numbers([Double])
    case rows([[Int]])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let numbers = try? container.decode([Double].self) {
        self = .numbers(numbers)
      } else {
        self = .rows(try container.decode([[Int]].self))
      }
    }
  }

  /// The batch without padding. Labels of tokens are those of real ones.
  func read(_ shape: DebertaV2Configuration) throws -> (Batch, [Target]) {
    let padded = try PaddedInput(ids: inputIDs, mask: .tokens(attentionMask), tokenTypes: tokenTypeIDs, shape)
    let targets = inputIDs.indices.map { row -> Target in
      if let start = startPositions?[row], let end = endPositions?[row] { return .span(start: start, end: end) }
      switch labels {
      case .rows(let rows) where rows[row].count == inputIDs[row].count:
        return .tokens(padded.columns[row].map { Int32(rows[row][$0]) })
      case .rows(let rows): return .labels(rows[row].map { $0 == 1 })
      case .numbers(let numbers):
        return numbers.allSatisfy({ $0 == $0.rounded() }) ? .label(Int(numbers[row])) : .value(Float(numbers[row]))
      case nil: return .label(0)
      }
    }
    return (padded.batch, targets)
  }
}
