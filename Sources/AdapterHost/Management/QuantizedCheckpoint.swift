internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Heads
internal import Kernels
internal import Tensors
internal import Tokenization

/// A base model whose linear layers are int8, as a checkpoint that loads without their floats.
public enum QuantizedCheckpoint {
  /// What was written.
  public struct Written: Sendable, Hashable {
    /// The number of weights that are int8.
    public let weights: Int
    /// The bytes of all tensors.
    public let bytes: Int
    /// Those of the model that it was made from.
    public let sourceBytes: Int
  }

  /// Writes `config.json`, `model.safetensors`, the tokenizer's files and those of a head beside the checkpoint.
  ///
  /// Every tensor but the weights of the encoder's linear layers is copied bit for bit. The folder is read back before it
  /// gets its name: it gives the very bits of its source in int8.
  ///
  /// - Parameters:
  ///   - source: a checkpoint's folder.
  ///   - folder: where nothing is, or an empty folder.
  ///   - threads: nil for one for each processor.
  /// - Throws: `ModelError.roundedBase`, if the source is quantized already; `NotFiniteTensor`;
  ///   `WorkspaceError.folderInUse`; `CheckpointError`, `ConfigurationError`.
  @discardableResult
  public static func write(_ source: String, to folder: String, threads: Int? = nil) throws -> Written {
    try NewFolder.check(folder)
    let checkpoint = try CheckpointFolder(path: source)
    let compute = Compute(threads: threads, precision: .int8)
    let model = try DebertaV2AdapterModel(folder: source, compute: compute)
    guard model.configuration.quantization == nil else {
      throw ModelError.roundedBase(precision: "int8", action: "quantized again")
    }
    var shape = model.configuration
    shape.quantization = Quantization()
    let names = Set(
      EncoderLayout(shape).places.compactMap { place -> String? in
        guard case .projection(let projection, _) = place, shape.quantizes(projection) else { return nil }
        return place.path(in: shape.family) + ".weight"
      })
    var tensors: [TypedTensor] = []
    for stored in checkpoint.weights.tensors {
      if names.contains(EncoderLayout.ownName(stored.name)) {
        tensors += try quantized(stored, compute)
      } else {
        tensors.append(TypedTensor(stored))
      }
    }
    try NewFolder.write(folder) { folder in
      try Safetensors.write(tensors, metadata: ["format": "pt"], to: folder + "/model.safetensors")
      var members = try ConfigurationFields(
        JSONValue(checkpoint.configuration, file: checkpoint.configurationFile), file: checkpoint.configurationFile
      ).members
      members[Quantization.key] = .object(Quantization().members)
      try JSONValue.object(members).write(to: folder + "/config.json")
      for file in AutoTokenizer.files + SavedHead.files
      where FileManager.default.fileExists(atPath: "\(source)/\(file)") {
        try AtomicFile.write(AtomicFile.read("\(source)/\(file)"), to: "\(folder)/\(file)")
      }
      try compare(model, with: folder)
    }
    return Written(
      weights: names.count, bytes: tensors.reduce(0) { $0 + $1.byteCount },
      sourceBytes: checkpoint.weights.tensors.reduce(0) { $0 + $1.elementCount * $1.elementType.byteCount })
  }

  /// A weight [outputs, inputs] as int8, and its scales [outputs].
  private static func quantized(_ stored: StoredTensor, _ compute: Compute) throws -> [TypedTensor] {
    try stored.requireFinite()
    let weight = try WeightMatrix(stored)
    let rounded = RoundedMatrix(rows: weight.rows, columns: weight.columns, .int8, from: compute.buffers)
    rounded.round(weight.values, compute)
    let values = UnsafeRawBufferPointer(start: rounded.values.values, count: weight.rows * weight.columns)
    let scales = (0..<weight.rows).map { rounded.values.scales?[$0] ?? 0 }
    weight.releasePages()
    return [
      TypedTensor(name: stored.name, shape: stored.shape, int8: values.map { Int8(bitPattern: $0) }),
      TypedTensor(
        OutgoingTensor(name: stored.name + Quantization.scaleSuffix, shape: [weight.rows], values: scales)),
    ]
  }

  private static func compare(_ model: DebertaV2AdapterModel, with folder: String) throws {
    let written = try DebertaV2AdapterModel(folder: folder, compute: model.compute)
    let ids = (0..<48).map { Int32($0 * 7919 % model.configuration.vocabularySize) }
    func states(_ model: DebertaV2AdapterModel) throws -> [Float] {
      try model([ids], setup: .composition(nil), heads: []).hiddenStates(row: 0).array
    }
    guard try states(model) == states(written) else { throw MergeError.differs(folder: folder) }
  }
}
