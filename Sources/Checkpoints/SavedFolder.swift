/// What the reference writes around every saved configuration, of adapters, heads and fusions alike.
///
/// Source: adapters, `loading.py`, `WeightsLoaderHelper` and `utils.py`, `build_full_config`.
public enum SavedFolder {
  /// The version of the reference whose formats are written.
  static let version = "adapters.1.3.0"

  /// A saved configuration with the facts of its model, and further members, which the reference keeps and does not
  /// read.
  public static func description(
    name: String, modelName: String, hiddenSize: Int, configuration: JSONValue, others: [String: JSONValue] = [:]
  ) -> JSONValue {
    let own: [String: JSONValue] = [
      "config": configuration, "hidden_size": .integer(hiddenSize), "model_class": .string("DebertaV2AdapterModel"),
      "model_name": .string(modelName), "model_type": .string("deberta-v2"), "name": .string(name),
      "version": .string(version),
    ]
    return .object(own.merging(others) { own, _ in own })
  }

  /// Checks that a saved configuration was made for a model of this width.
  ///
  /// - Throws: `ConfigurationError.impossible`, with both widths.
  public static func check(_ fields: ConfigurationFields, hiddenSize: Int) throws(ConfigurationError) {
    if let hidden = try fields.integer("hidden_size", in: 1...1 << 20), hidden != hiddenSize {
      throw .impossible(
        key: "hidden_size", value: "\(hidden)",
        expected: "\(hiddenSize), as this model has it. Was it made for a model of another size?", file: fields.file)
    }
    if let type = try fields.string("model_type"), type != "deberta-v2" {
      throw .impossible(key: "model_type", value: "'\(type)'", expected: "'deberta-v2'", file: fields.file)
    }
  }
}
