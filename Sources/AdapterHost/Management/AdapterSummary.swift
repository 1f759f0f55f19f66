internal import AdapterMethods
internal import Checkpoints
internal import Deberta
internal import Foundation

/// Parameter counts of a base model and its adapters, like `adapter_summary` of `adapters`.
///
/// Source: adapters 1.3.0, `model_mixin.py`, `ModelBaseAdaptersMixin.adapter_summary`.
public struct AdapterSummary: Hashable, Sendable {
  /// A row of the table.
  public struct Row: Hashable, Sendable {
    public let name: String
    /// The name of the method's preset; nil for the whole model.
    public let method: String?
    public let parameterCount: Int
    /// Percentage of the base model's parameters.
    public let percentage: Double
    /// Whether the setup uses it; nil for the whole model.
    public let isActive: Bool?
    /// Whether it would be trained; nothing is frozen after loading.
    public let isTrainable: Bool
  }

  /// The adapters in order; the base model last.
  public let rows: [Row]
  /// The number of parameters in the checkpoint, including a head: the count that `models` shows.
  public let checkpointParameterCount: Int

  /// Summarizes the base model of a request with its registered adapters and those in the request.
  ///
  /// - Throws: `WorkspaceError`, `RegistryError`, `CheckpointError`, `ConfigurationError`.
  public init(_ request: WorkspaceRequest) throws {
    let workspace = try Workspace(request)
    let checkpoint = try CheckpointFolder(path: workspace.modelFolder)
    let file = checkpoint.path + "/config.json"
    let shape = try DebertaV2Configuration(json: checkpoint.configuration, file: file)
    let total = EncoderLayout(shape).parameterCount
    checkpointParameterCount = checkpoint.weights.tensors.reduce(0) { $0 + $1.elementCount }
    let active = Set(workspace.setup?.adapters ?? [])
    var found: [(name: String, method: String, count: Int)] = []
    for given in request.adapters {
      let adapter = try SavedAdapter.read(given.folder, for: shape).adapter
      found.append((given.name, adapter.methodName, adapter.parameters.count))
    }
    for record in try workspace.registeredAdapters() where request.adapters[record.name] == nil {
      found.append((record.name, record.method, record.parameterCount))
    }
    let adapters = found.map { item in
      Row(
        name: item.name, method: item.method, parameterCount: item.count,
        percentage: Double(item.count) / Double(max(total, 1)) * 100, isActive: active.contains(item.name),
        isTrainable: true)
    }
    rows =
      adapters + [
        Row(
          name: "Full model", method: nil, parameterCount: total, percentage: 100, isActive: nil,
          isTrainable: true)
      ]
  }

  /// Summarizes the adapters of a loaded model.
  ///
  /// Trainability follows `model.training`: its adapters, and the base unless it is frozen. Nothing is frozen after
  /// loading.
  public init(_ model: DebertaV2AdapterModel) {
    let total = EncoderLayout(model.configuration).parameterCount
    checkpointParameterCount = model.source.parameterCount
    let active = Set(model.activeAdapters?.adapters ?? [])
    let adapters = model.adapterNames.compactMap { name in
      model.adapter(name).map { adapter in
        Row(
          name: name, method: adapter.methodName, parameterCount: adapter.parameters.count,
          percentage: Double(adapter.parameters.count) / Double(max(total, 1)) * 100, isActive: active.contains(name),
          isTrainable: model.training.trains(adapter: name))
      }
    }
    rows =
      adapters + [
        Row(
          name: "Full model", method: nil, parameterCount: total, percentage: 100, isActive: nil,
          isTrainable: model.training.trainsBase)
      ]
  }

  /// The table in the format of `adapters`, 80 columns wide.
  public var text: String {
    let rule = (thick: String(repeating: "=", count: 80), thin: String(repeating: "-", count: 80))
    var lines = [rule.thick, Self.line(["Name", "Architecture", "#Param", "%Param", "Active", "Train"]), rule.thin]
    for (index, row) in rows.enumerated() {
      if index == rows.count - 1 { lines.append(rule.thin) }
      lines.append(
        Self.line([
          row.name, row.method ?? "", Self.grouped(row.parameterCount),
          String(format: "%.3f", row.percentage), row.isActive.map { $0 ? "1" : "0" } ?? "",
          row.isTrainable ? "1" : "0",
        ]))
    }
    return (lines + [rule.thick]).joined(separator: "\n")
  }

  /// Two left-aligned columns of width 25 and 15, and four right-aligned ones of width 12, 12, 8 and 8.
  private static func line(_ cells: [String]) -> String {
    let widths = [25, 15, 12, 12, 8, 8]
    return zip(cells, widths).enumerated().map { index, cell in
      let space = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return index < 2 ? cell.0 + space : space + cell.0
    }.joined()
  }

  private static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}

extension Workspace {
  /// The adapters registered for the base model; none if it is not registered.
  func registeredAdapters() throws -> [AdapterRecord] {
    guard let registry, let model = try registry.model(in: modelFolder) else { return [] }
    return try registry.adapters(of: model.name)
  }
}
