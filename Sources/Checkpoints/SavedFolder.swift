/// The members that `adapters` adds to every saved configuration of adapters, heads and fusions.
///
/// Source: adapters, `loading.py`, `WeightsLoaderHelper` and `utils.py`, `build_full_config`.
public enum SavedFolder {
  /// The version of `adapters` whose formats are written.
  public static let version = "adapters.1.3.0"

  /// A saved configuration with facts about its model, and additional members, which `adapters` keeps without reading.
  public static func description(
    name: String, modelName: String, family: ModelFamily, hiddenSize: Int, configuration: JSONValue,
    others: [String: JSONValue] = [:]
  ) -> JSONValue {
    let own: [String: JSONValue] = [
      "config": configuration, "hidden_size": .integer(hiddenSize), "model_class": .string(family.adapterModelClass),
      "model_name": .string(modelName), "model_type": .string(family.rawValue), "name": .string(name),
      "version": .string(version),
    ]
    return .object(own.merging(others) { own, _ in own })
  }

  /// Checks that a saved configuration was made for a model of this family and width.
  ///
  /// - Throws: `ConfigurationError.impossible`, with both families or widths.
  public static func check(
    _ fields: ConfigurationFields, family: ModelFamily, hiddenSize: Int
  ) throws(ConfigurationError) {
    if let type = try fields.string("model_type"), type != family.rawValue {
      throw .impossible(
        key: "model_type", value: "'\(type)'",
        expected: "'\(family.rawValue)', the type of this base model. "
          + (ModelFamily(rawValue: type) == nil
            ? "It was made for a model of another architecture"
            : "DeBERTa v1 and v2/v3 have different layers, so what was made for one does not fit the other"),
        file: fields.file)
    }
    if let hidden = try fields.integer("hidden_size", in: 1...1 << 20), hidden != hiddenSize {
      throw .impossible(
        key: "hidden_size", value: "\(hidden)",
        expected: "\(hiddenSize), as this model has it. Was it made for a model of another size?", file: fields.file)
    }
  }
}
