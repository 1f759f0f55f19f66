extension HeadReport {
  /// The report as Markdown.
  ///
  /// - Parameters:
  ///   - data: the name of the data set.
  ///   - folder: the folder of the plots, relative to the page.
  ///   - comparison: another setup's name, and the comparison with it.
  public func markdown(
    data: String, plots folder: String = ".", comparison: (name: String, result: PairedComparison)? = nil
  ) -> String {
    var page = Page()
    page.title("Head \(head)")
    page.text(
      "\(outcomes.all.count) examples of \(data), task \(outcomes.task.rawValue). Intervals hold "
        + "\((intervals.values.first?.level ?? 0.95).percent) of the bootstrap.")
    page.table(
      ["metric", "value", "interval"],
      result.metrics.map { metric in
        [
          metric.name + (metric.name == result.primary.name ? " (primary)" : ""), metric.value.fixed(4),
          intervals[metric.name].map { "\($0.lower.fixed(4)) to \($0.upper.fixed(4))" } ?? "",
        ]
      })
    if let comparison { page.section(comparison.name, comparison.result) }
    if let entities { page.section("Entities", entities) }
    if let strictEntities { page.section("Entities, without tags that break their scheme", strictEntities) }
    if let labels { page.section("Labels", labels) }
    page.plot("labels.svg", of: self, in: folder)
    if let confusion { page.section(confusion) }
    page.plot("confusion.svg", of: self, in: folder)
    if let calibration {
      page.heading("Calibration")
      page.text(
        "Expected calibration error \(calibration.expectedError.fixed(4)), greatest error of a bin "
          + "\(calibration.maximumError.fixed(4)).")
      page.plot("calibration.svg", of: self, in: folder)
    }
    if !curves.isEmpty {
      page.heading("Thresholds")
      page.table(
        ["label", "threshold", "best threshold", "best F1", "ROC AUC", "average precision"],
        curves.enumerated().map { label, entry in
          let best = entry.curve.best(nearest: Double(thresholds?[label] ?? 0.5))
          return [
            entry.label, Double(thresholds?[label] ?? 0.5).fixed(3), best?.threshold.fixed(3) ?? "–",
            best?.f1.fixed(4) ?? "–", entry.curve.rocAUC.fixed(4), entry.curve.averagePrecision.fixed(4),
          ]
        })
      page.plot("thresholds.svg", of: self, in: folder)
    }
    if let answers { page.section(answers) }
    return page.markdown
  }
}

/// A page of Markdown.
private struct Page {
  private(set) var markdown = ""

  mutating func title(_ text: String) { markdown += "# \(text.inMarkdown)\n" }

  mutating func heading(_ text: String) { markdown += "\n## \(text.inMarkdown)\n" }

  mutating func text(_ text: String) { markdown += "\n\(text.inMarkdown)\n" }

  mutating func table(_ columns: [String], _ rows: [[String]]) {
    markdown += "\n"
    let rule = columns.indices.map { $0 == 0 ? "---" : "---:" }
    for cells in [columns, rule] + rows { markdown += "| \(cells.map(\.inMarkdown).joined(separator: " | ")) |\n" }
  }

  mutating func plot(_ name: String, of report: HeadReport, in folder: String) {
    guard report.plots.contains(where: { $0.name == name }) else { return }
    markdown += "\n![\(name.dropLast(4))](\(folder)/\(name))\n"
  }

  mutating func section(_ title: String, _ report: LabelReport) {
    heading(title)
    func cells(_ name: String, _ scores: (precision: Double, recall: Double, f1: Double), _ support: Int) -> [String] {
      [name, scores.precision.fixed(4), scores.recall.fixed(4), scores.f1.fixed(4), "\(support)"]
    }
    let micro = report.micro
    let averages: [(String, MatchScores)] = [("macro average", report.macro), ("weighted average", report.weighted)]
    table(
      ["label", "precision", "recall", "F1", "support"],
      report.rows.map { cells($0.label, ($0.counts.precision, $0.counts.recall, $0.counts.f1), $0.counts.actual) }
        + [cells("micro average", (micro.precision, micro.recall, micro.f1), micro.actual)]
        + averages.map { cells($0, ($1.precision, $1.recall, $1.f1), micro.actual) })
  }

  mutating func section(_ confusion: ConfusionMatrix) {
    heading("Confusions")
    text("Balanced accuracy \(confusion.balancedAccuracy.fixed(4)), Cohen's kappa \(confusion.kappa.fixed(4)).")
    let confusions = confusion.confusions.prefix(15)
    guard !confusions.isEmpty else { return }
    table(["right", "predicted", "examples"], confusions.map { [$0.actual, $0.predicted, "\($0.count)"] })
  }

  mutating func section(_ answers: AnswerReport) {
    heading("Questions")
    let rows: [(String, AnswerReport.Scores?)] = [
      ("all", answers.total), ("with an answer", answers.answered), ("without", answers.unanswered),
    ]
    table(
      ["questions", "exact match", "F1", "count"],
      rows.compactMap { name, scores in
        scores.map { [name, $0.exactMatch.fixed(4), $0.f1.fixed(4), "\($0.count)"] }
      })
  }

  mutating func section(_ name: String, _ comparison: PairedComparison) {
    heading("Compared with \(name)")
    let interval = comparison.interval.map { " (\($0.lower.fixed(4)) to \($0.upper.fixed(4)))" } ?? ""
    text(
      "\(comparison.metric): \(comparison.first.fixed(4)) here, \(comparison.second.fixed(4)) there; difference "
        + "\(comparison.difference.fixed(4))\(interval), p = \(comparison.pValue.fixed(4)).")
    if let onlyFirst = comparison.onlyFirst, let onlySecond = comparison.onlySecond {
      text("\(onlyFirst) examples are right only here, \(onlySecond) only there.")
    }
  }
}

extension String {
  /// On one line, with characters escaped that have a meaning in tables or HTML.
  fileprivate var inMarkdown: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "|", "\\", "`", "*", "[", "]": text += "\\\(scalar)"
      case "<": text += "&lt;"
      case "&": text += "&amp;"
      case "\0"..<" ": text += " "
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}
