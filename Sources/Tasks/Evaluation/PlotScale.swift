internal import Glibc

/// Maps axis values to positions, with round ticks.
package struct Scale {
  private let low: Double
  private let high: Double
  package let ticks: [Double]

  /// The range of the values, widened to ticks.
  package init(_ values: [Double]) {
    self.init(from: values.min() ?? 0, to: values.max() ?? 1, isExact: false)
  }

  /// - Parameter isExact: whether to keep the ends instead of widening them to ticks.
  package init(from first: Double, to last: Double, isExact: Bool) {
    let (first, last) = last - first > abs(last) * 1e-9 ? (first, last) : Self.widened(last)
    let step = Self.round((last - first) / 4)
    let (from, to) = ((first / step + 1e-9).rounded(.down), (last / step - 1e-9).rounded(.up))
    low = isExact ? first : from * step
    high = isExact ? last : to * step
    ticks = stride(from: from, through: to, by: 1).map { $0 * step }
  }

  /// The position of a value between the ends, 0 to 1.
  package func part(_ value: Double) -> Double { (value - low) / (high - low) }

  private static func widened(_ value: Double) -> (Double, Double) {
    let margin = max(abs(value) * 0.1, 1e-6)
    return (value - margin, value + margin)
  }

  /// 1, 2 or 5 times a power of ten, not below the size.
  private static func round(_ size: Double) -> Double {
    let power = pow(10, log10(size).rounded(.down))
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= size * (1 - 1e-9) } ?? size
  }
}

extension Double {
  /// The number with at most one decimal, for coordinates.
  package var short: String { rounded(decimals: self == rounded() ? 0 : (abs(self) < 1 ? 2 : 1)) }

  /// The number with a limited number of significant digits.
  package func rounded(toDigits digits: Int) -> String {
    guard self != 0, isFinite else { return self == 0 ? "0" : "\(self)" }
    let decimals = digits - 1 - Int(log10(abs(self)).rounded(.down))
    if decimals > 12 || decimals < digits - 12 { return "\(self)" }
    return rounded(decimals: max(0, decimals))
  }

  /// The number with a limited number of decimals and a decimal point, whatever the locale.
  private func rounded(decimals: Int) -> String {
    let scale = pow(10, Double(decimals))
    let value = Int64((abs(self) * scale).rounded())
    var fraction = decimals == 0 ? "" : String(value % Int64(scale))
    fraction = String(repeating: "0", count: max(0, decimals - fraction.count)) + fraction
    while fraction.hasSuffix("0") { fraction.removeLast() }
    let sign = self < 0 && value > 0 ? "-" : ""
    return "\(sign)\(value / Int64(scale))" + (fraction.isEmpty ? "" : ".\(fraction)")
  }
}

extension String {
  /// The text with XML special characters escaped, and control characters replaced by spaces.
  package var escapedForXML: String {
    unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "\0"..<" ": text += " "
      default: text.unicodeScalars.append(scalar)
      }
    }
  }
}
