internal import AdapterHost

/// Shows a head's evaluation to people.
struct EvaluationTables {
  private let report: HeadReport
  private let comparison: (name: String, result: PairedComparison)?
  private let width: Int

  init(_ report: HeadReport, comparison: (name: String, result: PairedComparison)?, width: Int) {
    (self.report, self.comparison, self.width) = (report, comparison, width)
  }

  /// The maximum number of labels shown; JSON and the report include all.
  private static let shownLabels = 40

  var lines: [String] {
    var lines = metrics
    if let entities = report.entities { lines += [""] + labels(entities, title: "KIND") }
    if let own = report.labels, report.entities == nil { lines += [""] + labels(own, title: "LABEL") }
    if let confusions = report.confusion?.confusions.prefix(5), !confusions.isEmpty, report.entities == nil {
      lines +=
        [""]
        + Table(
          columns: [.init(title: "RIGHT"), .init(title: "PREDICTED"), .init(title: "EXAMPLES", isNumber: true)],
          rows: confusions.map { [$0.actual.onOneLine, $0.predicted.onOneLine, "\($0.count)"] }
        ).rendered(width: width)
    }
    if let calibration = report.calibration {
      lines += ["", "Expected calibration error: \(calibration.expectedError.formatted(decimals: 4))"]
    }
    if let comparison {
      let result = comparison.result
      let interval = result.interval.map {
        " (\($0.lower.formatted(decimals: 4)) to \($0.upper.formatted(decimals: 4)))"
      }
      lines += [
        "",
        "\(comparison.name.onOneLine): \(result.metric) \(result.second.formatted(decimals: 4)), difference "
          + "\(result.difference.formatted(decimals: 4))\(interval ?? ""), p = \(result.pValue.formatted(decimals: 4))",
      ]
    }
    return lines
  }

  private var metrics: [String] {
    Table(
      columns: [
        .init(title: "HEAD"), .init(title: "METRIC"), .init(title: "VALUE", isNumber: true),
        .init(title: "INTERVAL", isOptional: true),
      ],
      rows: report.result.metrics.map { metric in
        let interval = report.intervals[metric.name].map {
          "\($0.lower.formatted(decimals: 4)) to \($0.upper.formatted(decimals: 4))"
        }
        return [report.head.onOneLine, metric.name, metric.value.formatted(decimals: 4), interval ?? ""]
      }
    ).rendered(width: width)
  }

  private func labels(_ report: LabelReport, title: String) -> [String] {
    let rows = report.rows.prefix(Self.shownLabels).map { row in
      [row.label.onOneLine]
        + [row.counts.precision, row.counts.recall, row.counts.f1].map { $0.formatted(decimals: 4) }
        + ["\(row.counts.actual)"]
    }
    let table = Table(
      columns: [
        .init(title: title), .init(title: "PRECISION", isNumber: true), .init(title: "RECALL", isNumber: true),
        .init(title: "F1", isNumber: true), .init(title: "SUPPORT", isNumber: true),
      ], rows: rows
    ).rendered(width: width)
    let more = report.rows.count - rows.count
    return table + (more > 0 ? ["… and \(more.counting("label")) more: --json or --report shows all."] : [])
  }
}
