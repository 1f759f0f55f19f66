/// A small self-contained SVG image, whose colors are readable on light and dark backgrounds.
struct Drawing {
  static let (blue, orange, green, gray) = ("#3b82f6", "#d97706", "#16a34a", "#7d8590")

  enum Anchor: String { case start, middle, end }

  let width: Double
  let height: Double
  private let title: String
  private var body = ""

  init(title: String, width: Double, height: Double) {
    (self.title, self.width, self.height) = (title, width, height)
  }

  var svg: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width.short) \(height.short)" \
    width="\(width.short)" height="\(height.short)" font-family="system-ui, sans-serif" font-size="12" fill="none">
    <title>\(title.escapedForXML)</title>
    \(body)</svg>

    """
  }

  mutating func text(
    _ text: String, x: Double, y: Double, _ anchor: Anchor = .start, color: String = Drawing.gray, isBold: Bool = false
  ) {
    body += "<text x=\"\(x.short)\" y=\"\(y.short)\" dy=\"0.35em\" text-anchor=\"\(anchor.rawValue)\" fill=\"\(color)\""
    body += isBold ? " font-weight=\"600\">" : ">"
    body += "\(text.escapedForXML)</text>\n"
  }

  mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, color: String = Drawing.blue, opacity: Double = 1
  ) {
    body +=
      "<rect x=\"\(x.short)\" y=\"\(y.short)\" width=\"\(max(0, width).short)\" height=\"\(max(0, height).short)\" "
    body += "fill=\"\(color)\" fill-opacity=\"\(opacity.short)\"/>\n"
  }

  mutating func line(
    _ points: [(x: Double, y: Double)], color: String = Drawing.gray, width: Double = 1.5, opacity: Double = 1
  ) {
    guard points.count > 1 else { return }
    body += "<polyline points=\"\(points.map { "\($0.x.short),\($0.y.short)" }.joined(separator: " "))\" "
    body += "stroke=\"\(color)\" stroke-width=\"\(width.short)\" stroke-opacity=\"\(opacity.short)\"/>\n"
  }

  /// A square panel from 0 to 1 on both axes, with grid and axis titles.
  ///
  /// - Returns: a function from a point to its coordinates.
  mutating func unitPanel(
    x: Double, y: Double, size: Double, title: String, across: String, up: String
  ) -> (Double, Double) -> (x: Double, y: Double) {
    let place = { (a: Double, b: Double) in (x: x + a * size, y: y + (1 - b) * size) }
    text(title, x: x, y: y - 14, isBold: true)
    for tick in stride(from: 0.0, through: 1, by: 0.25) {
      line([place(0, tick), place(1, tick)], width: 1, opacity: 0.35)
      line([place(tick, 0), place(tick, 1)], width: 1, opacity: 0.35)
      text(tick.short, x: x - 6, y: place(0, tick).y, .end)
      text(tick.short, x: place(tick, 0).x, y: y + size + 12, .middle)
    }
    text(across, x: x + size / 2, y: y + size + 28, .middle)
    text(up, x: x + size, y: y - 14, .end)
    return place
  }
}
