internal import AdapterHost
internal import ArgumentParser

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times a model's forward pass on batches of random tokens.",
    discussion: """
      Example:
        adapter-cli bench --model DIR --shapes 1x16,8x128 --adapter a=DIR --setup a

      Prints a line of JSON for each shape: rows x tokens, milliseconds (least and median), tokens a second.
      """)

  @Option(help: "The folder of the checkpoint.") var model: String
  @Option(help: ArgumentHelp("An adapter to load; may be repeated.", valueName: "name=dir"))
  var adapter: [NamedFolder] = []
  @Option(help: ArgumentHelp("The adapters that act.", valueName: "expr")) var setup: String?
  @Option(help: ArgumentHelp("Batches, as rows x tokens.", valueName: "1x16,8x128")) var shapes = "1x16,1x128,8x128,1x512"
  @Option(help: "Threads; by default one for each processor.") var threads: Int?
  @Option(help: "Passes that are timed for each shape.") var repeats = 5

  func run() throws {
    var model = try DebertaV2AdapterModel(folder: model, compute: Compute(threads: threads))
    for item in adapter { try model.loadAdapter(item.folder, as: item.name, withHead: false) }
    try model.setActiveAdapters(setup.map { try Composition($0) })
    for shape in names(shapes) {
      let sizes = shape.split(separator: "x").compactMap { Int($0) }
      guard sizes.count == 2, sizes[0] > 0, sizes[1] > 0 else {
        throw ValidationError("'\(shape)' is no shape; expected rows x tokens, such as 8x128.")
      }
      var random = RandomNumbers(seed: 0)
      let ids = (0..<sizes[0]).map { _ in
        (0..<sizes[1]).map { _ in Int32.random(in: 4..<Int32(model.configuration.vocabularySize), using: &random) }
      }
      let clock = ContinuousClock()
      var times: [Double] = []
      for repetition in 0..<repeats + 2 {
        let time = try clock.measure { _ = try model(ids, heads: []) }
        if repetition >= 2 { times.append(Double(time.components.attoseconds) * 1e-15 + Double(time.components.seconds) * 1e3) }
      }
      times.sort()
      let tokens = Double(sizes[0] * sizes[1])
      print(JSONValue.object([
        "shape": .string(shape), "ms": .number(round2(times[0])), "median_ms": .number(round2(times[times.count / 2])),
        "tokens_per_second": .number(round2(tokens / times[times.count / 2] * 1e3)),
        "buffers_mb": .integer(model.compute.peakBytes >> 20), "kernels": .string(model.compute.instructionSet), "threads": .integer(model.compute.threads.width),
      ]).line)
    }
  }

  private func round2(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
