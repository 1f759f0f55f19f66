internal import AdapterHost
internal import Foundation

/// The page of an adapter on the Hub: what it is, how it is used, what was measured.
struct HubCard {
  private let item: RegisteredItem
  private let repository: String
  private let endpoint: String
  private let isPeft: Bool

  init(_ item: RegisteredItem, repository: String, endpoint: String, isPeft: Bool) {
    (self.item, self.repository, self.endpoint, self.isPeft) = (item, repository, endpoint, isPeft)
  }

  var text: String {
    let parts = [frontMatter, title, description, usage, results].filter { !$0.isEmpty }
    return parts.joined(separator: "\n\n") + "\n"
  }

  /// Something that was measured on a part of the data.
  private struct Measurement {
    let part, metric, value: String
  }

  private var metrics: [Measurement] {
    guard case .adapter(let record) = item.record, let text = record.metrics,
      case .object(let parts)? = try? JSONValue(Data(text.utf8), file: "")
    else { return [] }
    var measurements: [Measurement] = []
    for part in ["test", "dev"] {
      guard case .object(let values)? = parts[part] else { continue }
      for metric in values.keys.sorted() {
        guard let value = Self.shown(values[metric]) else { continue }
        measurements.append(Measurement(part: part, metric: metric, value: value))
      }
    }
    return measurements
  }

  private static func shown(_ value: JSONValue?) -> String? {
    switch value {
    case .number(let number) where number.isFinite: number.formatted(decimals: 4)
    case .integer(let number): "\(number)"
    default: nil
    }
  }

  private var frontMatter: String {
    let library = isPeft ? "peft" : "adapters"
    var lines = ["---", "library_name: \(library)", "tags:"]
    let tags =
      [isPeft ? "peft" : "adapter-transformers", "deberta-v2"]
      + (item.head.map { [$0.kind.replacing("_", with: "-")] } ?? []) + item.tags
    var seen: Set<String> = []
    lines += tags.filter { seen.insert($0).inserted }.map { "- \(Self.quoted($0))" }
    let names = Set(metrics.map(\.metric)).sorted()
    if !names.isEmpty { lines += ["metrics:"] + names.map { "- \(Self.quoted($0))" } }
    return (lines + ["---"]).joined(separator: "\n")
  }

  /// A string of YAML is one of JSON.
  private static func quoted(_ text: String) -> String { JSONValue.string(text).line }

  private var title: String { "# `\(repository)`" }

  private var description: String {
    let kind = item.joins.isEmpty ? "An adapter" : "A fusion of \(item.joins.joined(separator: ", "))"
    var lines = [
      "\(kind) (`\(item.method)`, \(item.parameterCount.separated) parameters) for the base model `\(item.model)`"
        + (item.head.map { ", with a head for \($0.kind.replacing("_", with: " "))." } ?? ", without a head.")
    ]
    if let labels = item.head?.labels, !labels.isEmpty {
      let shown = labels.prefix(50).map { "`\($0.replacing("`", with: "'").onOneLine)`" }.joined(separator: ", ")
      lines.append("Labels: \(shown)\(labels.count > 50 ? " and \(labels.count - 50) more" : "").")
    }
    if case .adapter(let record) = item.record, !record.notes.isEmpty { lines.append(record.notes) }
    return lines.joined(separator: "\n\n")
  }

  private var usage: String {
    let python =
      isPeft
      ? """
      from peft import PeftModel

      model = PeftModel.from_pretrained(base, "\(repository)")
      """
      : """
      from adapters import AutoAdapterModel

      model = AutoAdapterModel.from_pretrained("BASE")
      name = model.load_adapter\(item.joins.isEmpty ? "" : "_fusion")("\(repository)", set_active=True)
      """
    return """
      ## Usage

          adapter-cli import hf:\(repository)
          adapter-cli predict --setup \(item.name) "some text"

      ```python
      \(python)
      ```
      """
  }

  private var results: String {
    guard !metrics.isEmpty else { return "" }
    let rows = metrics.map { "| \($0.part) | \($0.metric) | \($0.value) |" }
    return (["## Evaluation", "", "| data | metric | value |", "|---|---|---|"] + rows).joined(separator: "\n")
  }
}
