extension HeadReport {
  /// The nonempty plots, with their file names.
  public var plots: [(name: String, svg: String)] {
    var plots: [(name: String, svg: String)] = []
    if let report = entities ?? labels, !report.rows.isEmpty {
      plots.append(("labels.svg", report.plot(title: entities == nil ? "F1 of each label" : "F1 of each kind").svg))
    }
    if let confusion, confusion.labels.count > 1 { plots.append(("confusion.svg", confusion.plot.svg)) }
    if let calibration, !calibration.bins.isEmpty { plots.append(("calibration.svg", calibration.plot.svg)) }
    let defined = curves.filter(\.curve.isDefined)
    if !defined.isEmpty { plots.append(("thresholds.svg", Self.plot(Array(defined.prefix(12))).svg)) }
    return plots
  }

  /// A panel for each label: precision, recall and F1 at every threshold.
  private static func plot(_ curves: [(label: String, curve: ThresholdCurve)]) -> Drawing {
    let (size, gap, columns) = (190.0, 60.0, 3)
    let rows = (curves.count + columns - 1) / columns
    var drawing = Drawing(
      title: "Precision, recall and F1 by threshold", width: 40 + Double(columns) * (size + gap),
      height: 30 + Double(rows) * (size + gap + 20))
    let colors = [("precision", Drawing.blue), ("recall", Drawing.orange), ("F1", Drawing.green)]
    for (place, (name, color)) in colors.enumerated() {
      drawing.text(name, x: 40 + 80 * Double(place), y: 14, color: color, isBold: true)
    }
    for (index, entry) in curves.enumerated() {
      let (x, y) = (
        40 + Double(index % columns) * (size + gap), 60 + Double(index / columns) * (size + gap + 20)
      )
      let place = drawing.unitPanel(x: x, y: y, size: size, title: entry.label, across: "threshold", up: "")
      let points = entry.curve.shownPoints
      drawing.line(points.map { place($0.threshold, $0.counts.precision) }, color: Drawing.blue)
      drawing.line(points.map { place($0.threshold, $0.counts.recall) }, color: Drawing.orange)
      drawing.line(points.map { place($0.threshold, $0.counts.f1) }, color: Drawing.green)
      if let best = entry.curve.best() {
        drawing.line(
          [place(best.threshold, 0), place(best.threshold, 1)], color: Drawing.green, width: 1, opacity: 0.6)
      }
    }
    return drawing
  }
}

extension LabelReport {
  /// The maximum number of labels in a plot: those with the most support.
  private static let shownLabels = 40

  fileprivate func plot(title: String) -> Drawing {
    let shown = rows.sorted { ($1.counts.actual, $0.label) < ($0.counts.actual, $1.label) }.prefix(Self.shownLabels)
    let (left, length, step) = (220.0, 380.0, 20.0)
    var drawing = Drawing(title: title, width: left + length + 120, height: 40 + step * Double(shown.count))
    drawing.text(title, x: 10, y: 14, isBold: true)
    for (index, row) in shown.enumerated() {
      let y = 36 + step * Double(index)
      drawing.text(row.label, x: left - 8, y: y + 6, .end)
      drawing.rectangle(x: left, y: y, width: length, height: 12, color: Drawing.gray, opacity: 0.15)
      drawing.rectangle(x: left, y: y, width: length * row.counts.f1, height: 12)
      drawing.text("\(row.counts.f1.percent) of \(row.counts.actual)", x: left + length + 8, y: y + 6)
    }
    return drawing
  }
}

extension ConfusionMatrix {
  /// The maximum number of classes in a plot: the most frequent ones.
  private static let shownClasses = 30

  /// A cell for each pair of classes, shaded by its share of the row.
  fileprivate var plot: Drawing {
    let totals = counts.map { $0.reduce(0, +) }
    let shown = labels.indices.sorted { (totals[$1], $0) < (totals[$0], $1) }.prefix(Self.shownClasses).sorted()
    let (left, top, size) = (180.0, 70.0, shown.count > 12 ? 24.0 : 40.0)
    var drawing = Drawing(
      title: "Confusion matrix", width: left + size * Double(shown.count) + 160,
      height: top + size * Double(shown.count) + 30)
    drawing.text("right (down), predicted (across), share of a row", x: 10, y: 14, isBold: true)
    for (row, label) in shown.enumerated() {
      let y = top + size * Double(row)
      drawing.text(labels[label], x: left - 8, y: y + size / 2, .end)
      drawing.text("\(row + 1)", x: left + size * (Double(row) + 0.5), y: top - 10, .middle)
      drawing.text("\(row + 1)", x: left + size * Double(shown.count) + 8, y: y + size / 2)
      for (column, predicted) in shown.enumerated() {
        let count = counts[label][predicted]
        let share = totals[label] == 0 ? 0 : Double(count) / Double(totals[label])
        let x = left + size * Double(column)
        let color = row == column ? Drawing.blue : Drawing.orange
        drawing.rectangle(x: x, y: y, width: size - 1, height: size - 1, color: color, opacity: 0.06 + 0.84 * share)
        if count > 0 { drawing.text("\(count)", x: x + size / 2, y: y + size / 2, .middle) }
      }
    }
    return drawing
  }
}

extension Calibration {
  /// The accuracy of each bin against its probability, and the number of predictions in each.
  fileprivate var plot: Drawing {
    let size = 260.0
    var drawing = Drawing(title: "Calibration", width: size + 120, height: size + 110)
    let place = drawing.unitPanel(
      x: 50, y: 50, size: size, title: "Accuracy by probability", across: "probability",
      up: "ECE \(expectedError.percent)")
    drawing.line([place(0, 0), place(1, 1)], opacity: 0.8)
    let most = bins.map(\.count).max() ?? 1
    for bin in bins {
      let (low, high) = (place(bin.low, 0), place(bin.high, bin.accuracy))
      drawing.rectangle(
        x: low.x + 1, y: high.y, width: high.x - low.x - 2, height: low.y - high.y,
        opacity: 0.25 + 0.65 * Double(bin.count) / Double(most))
    }
    drawing.line(bins.map { place($0.confidence, $0.accuracy) }, color: Drawing.orange)
    return drawing
  }
}

extension Double {
  /// As a percentage with one decimal.
  var percent: String { isFinite ? "\((self * 100).fixed(1)) %" : "–" }

  /// With a fixed number of decimals and a decimal point, whatever the locale.
  func fixed(_ decimals: Int) -> String {
    guard isFinite else { return "–" }
    let scale = (0..<decimals).reduce(1.0) { power, _ in power * 10 }
    let value = (abs(self) * scale).rounded()
    guard value < 1e15 else { return "\(self)" }
    let digits = String(Int64(value))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let sign = self < 0 && value > 0 ? "-" : ""
    return decimals == 0 ? sign + padded : "\(sign)\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
  }
}
