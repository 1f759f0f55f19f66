internal import AdapterHost
internal import Foundation

/// Measures this project's model.
final class HostEngine: Measuring {
  let checkpoint: String
  private(set) var model: DebertaV2AdapterModel
  /// The training that goes on.
  var steps: TrainingSteps?

  init(checkpoint: String, threads: Int, precision: Precision) throws {
    self.checkpoint = checkpoint
    model = try DebertaV2AdapterModel(
      folder: checkpoint + "/base", compute: Compute(threads: threads, precision: precision))
  }

  var version: String {
    "\(model.precision.rawValue), kernels \(model.compute.instructionSet), \(model.compute.threads.width) threads"
  }

  func reply(to request: Request) throws -> [String: JSONValue] {
    var members = try measure(request)
    members["scenario"] = .string(request.scenario)
    members["shape"] = .string(request.shape)
    members["rss_mb"] = .number(ProcessMemory().resident)
    return members
  }

  private func measure(_ request: Request) throws -> [String: JSONValue] {
    switch request.scenario {
    case "forward": return try forward(request)
    case "lora", "seq_bn":
      try load(adapters: [request.scenario])
      return try overBase(request) { _ in .composition(.adapter(request.scenario)) }
    case "mixed-lora":
      let names = (0..<16).map { "lora-\($0)" }
      try load(adapters: names)
      return try overBase(request) { rows in .rows((0..<rows).map { .adapter(names[$0 % names.count]) }) }
    case "heads": return try heads(request)
    case "switch": return try switching(request)
    case "load": return try loading(request)
    case "list": return try listing(request)
    case "memory": return try memory(request)
    case "tokens": return try tokens(request)
    case "train-lora", "train-seq_bn", "train-top": return try training(request)
    default: throw RequestError.scenario(request.scenario)
    }
  }

  /// A batch of random tokens.
  func batch(_ shape: String) throws -> Batch {
    try BatchShape(shape).batch(vocabulary: model.configuration.vocabularySize)
  }

  /// The base model's hidden states.
  private func forward(_ request: Request) throws -> [String: JSONValue] {
    let batch = try batch(request.shape)
    return try Samples(seconds: request.seconds) {
      _ = try model(batch, setup: .composition(nil), heads: [])
    }.members()
  }

  /// A setup in turn with the base model, on the same batch.
  private func overBase(
    _ request: Request, _ setup: (_ rows: Int) -> Setup
  ) throws -> [String: JSONValue] {
    let batch = try batch(request.shape)
    let setup = setup(batch.sequences.count)
    let (base, adapted) = try Samples.pairs(seconds: request.seconds) {
      _ = try model(batch, setup: .composition(nil), heads: [])
    } _: {
      _ = try model(batch, setup: setup, heads: [])
    }
    return adapted.members().merging(base.members("base_")) { $1 }
  }

  /// Four heads in turn with one; both without adapters.
  private func heads(_ request: Request) throws -> [String: JSONValue] {
    let names = (0..<4).map { "head-\($0)" }
    for name in names where model.head(name) == nil { try model.loadHead("\(checkpoint)/\(name)") }
    let batch = try batch(request.shape)
    let (one, four) = try Samples.pairs(seconds: request.seconds) {
      _ = try model(batch, setup: .composition(nil), heads: [names[0]])
    } _: {
      _ = try model(batch, setup: .composition(nil), heads: names)
    }
    return four.members().merging(one.members("base_")) { $1 }
  }

  private func load(adapters names: [String]) throws {
    for name in names where model.adapter(name) == nil {
      try model.loadAdapter("\(checkpoint)/\(name)", withHead: false)
    }
  }

  /// How many tokens the texts of a file are.
  private func tokens(_ request: Request) throws -> [String: JSONValue] {
    guard let path = request.texts else { throw RequestError.missing("texts") }
    let tokenizer = try DebertaV2Tokenizer(folder: checkpoint + "/base")
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    let count = try lines.reduce(0) { try $0 + tokenizer.encode(String($1)).ids.count }
    return ["texts": .integer(lines.count), "tokens": .integer(count)]
  }
}
