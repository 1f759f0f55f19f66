internal import AdapterHost
internal import ArgumentParser

struct BenchCommand: ParsableCommand, TakesFolders {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Times a model's forward pass on batches of random tokens.",
    discussion: """
      Example:
        adapter-cli bench --model DIR --shapes 1x16,8x128 --adapter a=DIR --setup a

      Gives for each shape, rows x tokens, the milliseconds (minimum and median) and the tokens per second: a table on a \
      terminal, a line of JSON for each shape in a pipe or with --json.
      """)

  @OptionGroup(title: "Model") var workspace: WorkspaceArguments
  @OptionGroup(title: "Model") var computing: ComputeArguments
  @Option(help: ArgumentHelp("Batches, as rows x tokens.", valueName: "1x16,8x128"))
  var shapes = ShapeList.usual
  @Option(help: "Passes that are timed for each shape.") var repeats = 5
  @OptionGroup(title: "Output") var output: OutputArguments

  func validate() throws {
    guard (1...1_000_000).contains(repeats) else {
      throw ValidationError("--repeats is \(repeats); expected 1 to 1000000.")
    }
  }

  mutating func changeFolders(_ change: (inout String) throws -> Void) rethrows {
    try workspace.changeFolders(change)
  }

  func run() throws {
    var request = workspace.request
    request.usesActiveSetup = false
    let model = try Workspace(request).loadModel(compute: computing.compute)
    Terminal.tellWarnings(of: model)
    var rows: [[String]] = []
    for shape in shapes.shapes {
      var random = RandomNumbers(seed: 0)
      let ids = (0..<shape.rows).map { _ in
        (0..<shape.tokens).map { _ in Int32.random(in: 0..<Int32(model.configuration.vocabularySize), using: &random) }
      }
      let clock = ContinuousClock()
      var times: [Double] = []
      for repetition in 0..<repeats + 2 {
        let time = try clock.measure { _ = try model(ids, heads: []) }
        if repetition >= 2 {
          times.append(Double(time.components.attoseconds) * 1e-15 + Double(time.components.seconds) * 1e3)
        }
      }
      times.sort()
      let tokens = Double(shape.rows * shape.tokens)
      let median = times[times.count / 2]
      if output.isTable {
        rows.append(
          [shape.description] + [times[0], median, tokens / median * 1e3].map { $0.formatted(decimals: 2) })
        continue
      }
      print(
        JSONValue.object([
          "shape": .string(shape.description), "ms": .number(round2(times[0])),
          "median_ms": .number(round2(median)), "tokens_per_second": .number(round2(tokens / median * 1e3)),
          "buffers_mb": .integer(model.compute.peakBytes >> 20), "kernels": .string(model.compute.instructionSet),
          "threads": .integer(model.compute.threads.width),
        ]).line)
    }
    if output.isTable {
      printTable(
        Table(
          columns: ["SHAPE", "MS", "MEDIAN MS", "TOKENS/S"].enumerated().map { index, title in
            Table.Column(title: title, isNumber: index > 0)
          }, rows: rows))
    }
  }

  private func round2(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// Comma-separated batch sizes, such as 8x128.
struct ShapeList: ExpressibleByArgument, CustomStringConvertible {
  struct Shape: CustomStringConvertible {
    let rows: Int
    let tokens: Int

    var description: String { "\(rows)x\(tokens)" }
  }

  let shapes: [Shape]

  /// The maximum number of tokens in a batch; a model's states for more do not fit into memory.
  private static let most = 1 << 24

  static let usual = ShapeList(shapes: [(1, 16), (1, 128), (8, 128), (1, 512)].map { Shape(rows: $0, tokens: $1) })

  private init(shapes: [Shape]) { self.shapes = shapes }

  init?(argument: String) {
    var shapes: [Shape] = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let sizes = part.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
      guard sizes.count == 2, let rows = sizes[0], let tokens = sizes[1], rows > 0, tokens > 0,
        rows <= Self.most, tokens <= Self.most / rows
      else { return nil }
      shapes.append(Shape(rows: rows, tokens: tokens))
    }
    self.shapes = shapes
  }

  var description: String { shapes.map(\.description).joined(separator: ",") }
  var defaultValueDescription: String { description }
}
