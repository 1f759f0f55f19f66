public import Checkpoints
internal import Kernels
internal import Tensors

/// How a checkpoint holds the linear layers of the encoder's layers: as int8, with a float32 scale for each output.
///
///     W ≈ scale q        "….weight": int8 [outputs, inputs]        "….weight_scale": float32 [outputs]
///
/// `config.json` says so in `quantization_config`, with which transformers refuses the checkpoint.
public struct Quantization: Sendable, Hashable {
  /// The member of `config.json`.
  public static let key = "quantization_config"
  private static let method = "adapter-host"
  static let weightSuffix = ".weight"
  /// What the name of the scales adds to that of the weight.
  public static let scaleSuffix = QuantizedWeight.scaleSuffix

  public init() {}

  /// What `config.json` says.
  public var members: [String: JSONValue] { ["quant_method": .string(Self.method), "weights": .string("int8")] }

  /// Nil for a checkpoint of floats.
  ///
  /// - Throws: `ConfigurationError`, if another program quantized the checkpoint.
  init?(_ fields: ConfigurationFields) throws(ConfigurationError) {
    guard let own = try fields.object(Self.key) else { return nil }
    func require(_ key: String, _ expected: String) throws(ConfigurationError) {
      let value = try own.string(key)
      guard value == expected else {
        throw fields.impossible(
          "\(Self.key).\(key)", value.map { "'\($0)'" } ?? "missing",
          "'\(expected)': checkpoints that 'adapter-cli quantize' wrote. Use the checkpoint that this one was made from"
        )
      }
    }
    try require("quant_method", Self.method)
    try require("weights", "int8")
  }
}

extension DebertaConfiguration {
  /// Whether the checkpoint holds the weight of a place as int8.
  public func quantizes(_ place: ProjectionPlace) -> Bool {
    quantization != nil && place.widths(self).inputs <= Rounding.int8.maximumInputs
  }
}
