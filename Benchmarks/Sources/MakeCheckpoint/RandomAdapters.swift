internal import AdapterHost

/// Adapters and heads with random weights, none of them zero, so that every one of them changes the result.
struct RandomAdapters {
  private let shape: DebertaV2Configuration
  private let compute = Compute(threads: 1)
  private static let modelName = "base"

  init(_ shape: DebertaV2Configuration) { self.shape = shape }

  /// Writes an adapter of a preset; the folder exists.
  func writeAdapter(_ name: String, preset: String, seed: UInt64, to folder: String) throws {
    let method = try MethodCatalog.standard.method(preset: preset)
    let specs = try method.parameters(for: shape)
    var random = RandomNumbers(seed: seed)
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      let values = (0..<spec.count).map { _ in 0.02 * random.normal() }
      let columns = spec.shape.last ?? 1
      tensors[spec.id] = Tensor(values, rows: spec.count / columns, columns: columns)
    }
    let adapter = Adapter(method: method, parameters: AdapterParameters(specs, tensors))
    try SavedAdapter.write(adapter, named: name, modelName: Self.modelName, for: shape, to: folder)
  }

  /// Writes a classification head of two layers and two labels; the folder exists.
  func writeHead(_ name: String, seed: UInt64, to folder: String) throws {
    let head = PredictionHead(
      HeadSettings(.classification, labels: ["LABEL_0", "LABEL_1"]), hiddenSize: shape.hiddenSize,
      layerNormEps: shape.layerNormEps, deviation: 0.02, seed: seed, compute)
    try SavedHead.write(
      head, named: name, modelName: Self.modelName, family: shape.family, hiddenSize: shape.hiddenSize,
      to: folder, compute)
  }
}
