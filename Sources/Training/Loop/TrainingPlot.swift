/// The curves of a run as a small self-contained SVG image.
///
/// On top, the training loss: faint steps and a running mean. Below, a panel for each evaluation metric, with the best
/// value of the primary one circled. The colors are readable on light and dark backgrounds.
public struct TrainingPlot {
  /// The loss of a step.
  public struct Point: Hashable, Sendable {
    public let step: Int
    public let value: Double

    public init(step: Int, value: Double) {
      self.step = step
      self.value = value
    }
  }

  private let losses: [Point]
  private let metrics: [(name: String, points: [Point], best: Int?)]
  private let lastStep: Int

  /// - Parameters:
  ///   - losses: in step order; values that are not finite are omitted.
  ///   - evaluations: in step order.
  public init(losses: [Point], evaluations: [EvaluationReport]) {
    self.losses = losses.filter(\.value.isFinite)
    var names: [String] = []
    for report in evaluations {
      for metric in report.result.metrics where !names.contains(metric.name) { names.append(metric.name) }
    }
    metrics = names.prefix(6).map { name in
      let points = evaluations.compactMap { report in
        report.result[name].map { Point(step: report.step, value: $0) }
      }
      let reports = evaluations.filter { $0.result.primary.name == name && !$0.result.primary.value.isNaN }
      let best = reports.dropFirst().reduce(reports.first) { best, next in
        best.map { next.result.isBetter(than: $0.result) ? next : $0 }
      }
      return (name, points.filter(\.value.isFinite), best?.step)
    }
    lastStep = max(losses.last?.step ?? 1, evaluations.last?.step ?? 1, 2)
  }

  private static let width = 720.0
  private static let panelHeight = 190.0
  private static let (left, right, top, bottom) = (62.0, 16.0, 30.0, 28.0)
  private static let colours = ["#3b82f6", "#d97706", "#16a34a", "#a855f7", "#db2777", "#0d9488", "#6b7280"]

  /// The image.
  public var svg: String {
    let panels = 1 + metrics.count
    let height = Self.panelHeight * Double(panels)
    var text = """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width.short) \(height.short)" \
      width="\(Self.width.short)" height="\(height.short)" font-family="system-ui, sans-serif" font-size="12" \
      fill="none">
      <title>Training curves</title>

      """
    let smooth = Self.smoothed(losses)
    text += panel(
      0, title: "training loss", scale: Scale(losses.isEmpty ? [] : Self.visible(losses, smooth)),
      curves: [(Self.thinned(losses), 0.35), (Self.thinned(smooth), 1)], marks: [], ring: nil)
    for (index, metric) in metrics.enumerated() {
      text += panel(
        index + 1, title: metric.name, scale: Scale(metric.points.map(\.value)),
        curves: [(Self.thinned(metric.points), 1)], marks: metric.points.count <= 60 ? metric.points : [],
        ring: metric.points.first { $0.step == metric.best })
    }
    return text + "</svg>\n"
  }

  private func panel(
    _ index: Int, title: String, scale: Scale, curves: [(points: [Point], opacity: Double)], marks: [Point],
    ring: Point?
  ) -> String {
    let (low, high) = (Self.panelHeight * Double(index) + Self.top, Self.panelHeight * Double(index + 1) - Self.bottom)
    let colour = Self.colours[index % Self.colours.count]
    let steps = Scale(from: 0, to: Double(lastStep), isExact: true)
    func x(_ step: Double) -> String { (Self.left + steps.part(step) * (Self.width - Self.left - Self.right)).short }
    func y(_ value: Double) -> String { (high - min(1, max(0, scale.part(value))) * (high - low)).short }

    var text = "<text x=\"\(Self.left.short)\" y=\"\((low - 10).short)\" fill=\"\(colour)\" font-weight=\"600\">"
    text += "\(title.escapedForXML)"
    if let ring { text += ", best \(ring.value.rounded(toDigits: 4)) at step \(ring.step)" }
    text += "</text>\n<g stroke=\"#8b949e\" stroke-opacity=\"0.35\" fill=\"#7d8590\">\n"
    for tick in scale.ticks {
      text += "<path d=\"M\(Self.left.short) \(y(tick))H\((Self.width - Self.right).short)\"/>"
      text += label(
        tick.rounded(toDigits: 6), x: (Self.left - 8).short, y: "\(y(tick))", anchor: "end", shift: "0.35em")
    }
    for tick in steps.ticks where tick <= Double(lastStep) {
      text += label(tick.rounded(toDigits: 9), x: x(tick), y: (high + 16).short, anchor: "middle", shift: "0")
    }
    text += "</g>\n"
    for curve in curves where curve.points.count > 1 {
      let points = curve.points.map { "\(x(Double($0.step))),\(y($0.value))" }.joined(separator: " ")
      text += "<polyline points=\"\(points)\" stroke=\"\(colour)\" stroke-opacity=\"\(curve.opacity.short)\" "
      text += "stroke-width=\"1.5\" stroke-linejoin=\"round\"/>\n"
    }
    for mark in marks {
      text += "<circle cx=\"\(x(Double(mark.step)))\" cy=\"\(y(mark.value))\" r=\"2.5\" fill=\"\(colour)\"/>\n"
    }
    if let ring {
      text += "<circle cx=\"\(x(Double(ring.step)))\" cy=\"\(y(ring.value))\" r=\"6\" stroke=\"\(colour)\"/>\n"
    }
    return text
  }

  private func label(_ text: String, x: String, y: String, anchor: String, shift: String) -> String {
    "<text x=\"\(x)\" y=\"\(y)\" dy=\"\(shift)\" text-anchor=\"\(anchor)\" stroke=\"none\">\(text)</text>\n"
  }

  /// A running mean over about a fiftieth of the run.
  private static func smoothed(_ points: [Point]) -> [Point] {
    let share = 1 / max(1, min(Double(points.count) / 50, 200))
    var mean = points.first?.value ?? 0
    return points.map { point in
      mean += share * (point.value - mean)
      return Point(step: point.step, value: mean)
    }
  }

  /// The values that determine the loss panel's range: all of the mean, and the steps except for the highest percent.
  private static func visible(_ points: [Point], _ smooth: [Point]) -> [Double] {
    let sorted = points.map(\.value).sorted()
    return sorted.prefix(max(1, sorted.count - sorted.count / 100)) + smooth.map(\.value)
  }

  /// At most 360 points, each the mean of consecutive ones.
  private static func thinned(_ points: [Point]) -> [Point] {
    let size = (points.count + 359) / 360
    guard size > 1 else { return points }
    return stride(from: 0, to: points.count, by: size).map { start in
      let group = points[start..<min(start + size, points.count)]
      return Point(
        step: group[group.startIndex + group.count / 2].step,
        value: group.reduce(0) { $0 + $1.value } / Double(group.count))
    }
  }
}
