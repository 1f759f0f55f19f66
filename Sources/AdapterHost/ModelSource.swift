internal import Checkpoints
internal import Deberta
internal import Foundation
internal import Tensors

/// The origin of a model: a checkpoint's configuration and tensors, or new ones.
///
/// A checkpoint's tensors stay memory-mapped; they are read again when the model is saved.
struct ModelSource: Sendable {
  /// `config.json`.
  let fields: ConfigurationFields
  let tensors: Tensors
  /// The checkpoint's folder.
  let folder: String?
  /// The model's name in saved files.
  let name: String

  enum Tensors: Sendable {
    case file(TensorFile)
    case memory([NamedTensor])
  }

  /// - Throws: `CheckpointError`, `ConfigurationError`.
  init(_ checkpoint: CheckpointFolder) throws {
    let file = checkpoint.configurationFile
    fields = try ConfigurationFields(JSONValue(checkpoint.configuration, file: file), file: file)
    tensors = .file(checkpoint.weights)
    folder = checkpoint.path
    name = checkpoint.path.split(separator: "/").last.map(String.init) ?? checkpoint.path
  }

  /// New tensors: weights N(0, `initializer_range`), norms 1, biases and the padding row 0.
  ///
  /// Source: transformers, `modeling_deberta_v2.py`, `_init_weights`.
  /// - Throws: `ConfigurationError`, if there is not enough memory.
  init(
    fresh fields: ConfigurationFields, _ shape: DebertaV2Configuration, name: String, seed: UInt64, _ compute: Compute
  ) throws(ConfigurationError) {
    let layout = EncoderLayout(shape)
    let count = layout.parameterCount
    do { try compute.requireMemory(floats: Double(count), for: "\(count) parameters") } catch {
      throw .impossible(
        key: "config", value: "a model too large for this machine", expected: "a smaller one. \(error)",
        file: fields.file)
    }
    var random = RandomNumbers(seed: seed)
    tensors = .memory(
      layout.tensors.map { tensor in
        let count = tensor.shape.reduce(1, *)
        var values: [Float]
        switch tensor.place.kind(in: shape) {
        case .norm?:
          values = Array(repeating: tensor.name.hasSuffix(".weight") ? 1 : 0, count: count)
        default:
          let isBias = tensor.name.hasSuffix(".bias")
          values = (0..<count).map { _ in isBias ? 0 : shape.initializerRange * random.normal() }
        }
        if tensor.place == .wordEmbeddings, Int(shape.padID) < tensor.shape[0] {
          let width = tensor.shape[1]
          values.replaceSubrange(
            Int(shape.padID) * width..<(Int(shape.padID) + 1) * width, with: repeatElement(0, count: width))
        }
        return NamedTensor(name: tensor.name, shape: tensor.shape, copying: values)
      })
    self.fields = fields
    folder = nil
    self.name = name
  }

  /// The tensors by their names below `deberta.`
  var ledger: WeightLedger {
    switch tensors {
    case .file(let file): WeightLedger(file, rename: EncoderLayout.ownName)
    case .memory(let tensors): WeightLedger(tensors.map { ($0.name, $0.shape, $0.values) }, of: fields.file)
    }
  }

  /// The number of values in all tensors, including a head's.
  var parameterCount: Int {
    switch tensors {
    case .file(let file): file.tensors.reduce(0) { $0 + $1.elementCount }
    case .memory(let tensors): tensors.reduce(0) { $0 + $1.shape.reduce(1, *) }
    }
  }

  /// The checkpoint's file; nil for new tensors.
  var file: TensorFile? { if case .file(let file) = tensors { file } else { nil } }
}
