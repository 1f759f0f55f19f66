internal import Checkpoints

/// The ratio of model width to bottleneck width; one number, or one per layer with a default.
struct ReductionFactor: Sendable, Hashable {
  private let factors: [String: Double]
  private let file: String

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    let factors = try fields.value("reduction_factor", "a number, or an object of a number for each layer") {
      value -> [String: Double]? in
      if let number = value.double { return ["default": number] }
      guard case .object(let members) = value else { return nil }
      let numbers = members.compactMapValues(\.double)
      return numbers.count == members.count ? numbers : nil
    }
    guard let factors else { throw .missing(key: "reduction_factor", file: fields.file) }
    if let (layer, factor) = factors.first(where: { !($0.value > 0) }) {
      throw .impossible(
        key: "reduction_factor", value: "\(factor) for '\(layer)'", expected: "more than 0", file: fields.file)
    }
    self.factors = factors
    file = fields.file
  }

  /// max(1, ⌊features / factor⌋)
  func size(of features: Int, layer: Int) throws(ConfigurationError) -> Int {
    guard let factor = factors[String(layer)] ?? factors["default"] else {
      throw .missing(key: "reduction_factor.\(layer)", file: file)
    }
    let size = (Double(features) / factor).rounded(.down)
    guard size < 16_777_216 else {
      throw .impossible(
        key: "reduction_factor", value: "\(factor)", expected: "a bottleneck of ordinary size", file: file)
    }
    return max(1, Int(size))
  }
}
