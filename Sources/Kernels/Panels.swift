/// What a packed weight holds, which decides what products with it are computed in.
public enum PanelType: Sendable, Hashable {
  /// The values of a file in their own type; products are in float32.
  case exact(WeightType)
  /// Rounded values; products round their rows alike.
  case rounded(Rounding)
}

/// A matrix [outputs, inputs] laid out for products with it.
///
/// Panels of `width` outputs, each stored input by input:
/// [ceil(outputs / width), inputs, width], padded with zeros. Panels of rounded
/// weights hold words of several inputs, and the scales of their outputs.
///
/// `@unchecked Sendable`: an address, like `Rows`, valid as long as whatever owns the memory lives.
public struct Panels: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let type: PanelType
  public let outputs: Int
  public let inputs: Int
  public let width: Int
  /// The bytes of one panel.
  private let panelBytes: Int

  /// Panels in memory that holds `Panels.count(...)` floats.
  public init(
    _ base: UnsafeMutableRawPointer, outputs: Int, inputs: Int, width: Int, type: WeightType = .float32
  ) {
    self.init(
      base, outputs: outputs, inputs: inputs, width: width, type: .exact(type),
      panelBytes: inputs * width * type.byteCount)
  }

  init(
    _ base: UnsafeMutableRawPointer, outputs: Int, inputs: Int, width: Int, type: PanelType, panelBytes: Int
  ) {
    self.base = base
    self.type = type
    self.outputs = outputs
    self.inputs = inputs
    self.width = width
    self.panelBytes = panelBytes
  }

  /// The memory, in floats, of the panels of a matrix [outputs, inputs], padding included.
  public static func count(outputs: Int, inputs: Int, width: Int, type: WeightType = .float32) -> Int {
    (outputs + width - 1) / width * inputs * width * type.byteCount / MemoryLayout<Float>.stride
  }

  /// The number of panels.
  public var panelCount: Int { (outputs + width - 1) / width }

  /// The outputs that some panels hold.
  public func outputs(of panels: Range<Int>) -> Range<Int> {
    panels.lowerBound * width..<min(panels.upperBound * width, outputs)
  }

  /// Some of the panels, as a matrix of their own.
  public func slice(_ panels: Range<Int>) -> Panels {
    precondition(panels.lowerBound >= 0 && panels.upperBound <= panelCount, "panels \(panels) of \(panelCount)")
    return Panels(
      base + panels.lowerBound * panelBytes, outputs: outputs(of: panels).count, inputs: inputs, width: width,
      type: type, panelBytes: panelBytes)
  }
}
