internal import AdapterHost
internal import ArgumentParser
internal import Foundation

@main
struct Engine: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine",
    abstract: "Times this project's passes and steps of training, or bare matrix products, in one process.",
    discussion: """
      Example:
        engine Benchmarks/.work/v3base --scenario forward --shapes 1x16,8x128,ragged-32
        engine Benchmarks/.work/v3base --scenario mixed-lora --shapes 16x128
        engine Benchmarks/.work/v3base --kind bare --scenario forward --shapes 1x128

      Scenarios: forward, lora, seq_bn, mixed-lora, heads (shapes: rows x tokens, or ragged-32); switch, load (shape:
      how many other adapters are loaded); list (shape: how many adapters are registered); memory (shape of the long
      batch; only the first answer of a process counts); tokens (counts those of --texts); train-lora, train-seq_bn,
      train-top (steps of training; seq_bn in the layers above the sixth, on cached states). Each prints a line of JSON.

      Without --scenario, lines of JSON are read: {"scenario": "forward", "shape": "1x16", "seconds": 0.5}, and each is
      answered by a line. The first line says that the model is loaded.
      """)

  enum Kind: String, ExpressibleByArgument {
    case host, bare
    case hostInt8 = "host-int8"
    case hostBF16 = "host-bf16"
  }

  @Argument(help: "The folder that make-checkpoint wrote.") var checkpoint: String
  @Option(
    help: """
      host: this project's model; host-int8, host-bf16: the same in that precision; bare: its matrix products alone, \
      through OpenBLAS.
      """)
  var kind: Kind = .host
  @Option(help: "Threads of a pass.") var threads = 2
  @Option(help: "What to measure.") var scenario: String?
  @Option(help: "The shapes to measure it at.") var shapes = "1x16,1x32,1x128,8x128,1x512,1x2048"
  @Option(help: "Seconds that passes of a shape are repeated for, at least once.") var seconds = 1.0
  @Option(help: "A file of texts, one on a line.") var texts: String?

  func run() throws {
    let engine: any Measuring =
      switch kind {
      case .host: try HostEngine(checkpoint: checkpoint, threads: threads, precision: .float32)
      case .hostInt8: try HostEngine(checkpoint: checkpoint, threads: threads, precision: .int8)
      case .hostBF16: try HostEngine(checkpoint: checkpoint, threads: threads, precision: .bf16)
      case .bare: BareEngine(threads: threads)
      }
    guard let scenario else { return try serve(engine) }
    for shape in shapes.split(separator: ",") {
      let request = Request(scenario: scenario, shape: String(shape), seconds: seconds, texts: texts)
      try say(engine.reply(to: request))
    }
  }

  /// Answers requests until the input ends.
  private func serve(_ engine: any Measuring) throws {
    try say(["ready": .bool(true), "engine": .string(kind.rawValue), "version": .string(engine.version)])
    while let line = readLine() {
      do {
        try say(engine.reply(to: JSONDecoder().decode(Request.self, from: Data(line.utf8))))
      } catch {
        try say(["error": .string("\(error)")])
      }
    }
  }

  private func say(_ members: [String: JSONValue]) throws {
    let named = members.merging(["engine": .string(kind.rawValue)]) { $1 }
    try FileHandle.standardOutput.write(contentsOf: Data((JSONValue.object(named).line + "\n").utf8))
  }
}
