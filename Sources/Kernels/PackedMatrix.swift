internal import Synchronization

/// A matrix [outputs, inputs] laid out for products with it.
///
/// Panels of `width` outputs, each stored input by input:
/// [ceil(outputs / width), inputs, width], padded with zeros.
public struct Panels {
  public let base: UnsafeMutablePointer<Float>
  public let outputs: Int
  public let inputs: Int
  public let width: Int

  /// Panels in memory that holds `Panels.count(...)` values.
  public init(_ base: UnsafeMutablePointer<Float>, outputs: Int, inputs: Int, width: Int) {
    self.base = base
    self.outputs = outputs
    self.inputs = inputs
    self.width = width
  }

  /// The values, padding included, of a matrix [outputs, inputs].
  public static func count(outputs: Int, inputs: Int, width: Int) -> Int {
    (outputs + width - 1) / width * width * inputs
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
      base + panels.lowerBound * width * inputs, outputs: outputs(of: panels).count, inputs: inputs, width: width)
  }
}

/// A matrix [outputs, inputs] packed once, in memory of its own.
///
/// `@unchecked Sendable`: the memory is written by whoever makes the matrix,
/// before it is shared, and only read then.
public final class PackedMatrix: @unchecked Sendable {
  public let panels: Panels
  public let kernels: VectorKernels
  private let turned = Mutex<PackedMatrix?>(nil)

  public var outputs: Int { panels.outputs }
  public var inputs: Int { panels.inputs }

  /// A matrix whose panels are still to be packed, every one of them.
  public init(outputs: Int, inputs: Int, kernels: VectorKernels) {
    precondition(outputs > 0 && inputs > 0, "a packed matrix of [\(outputs), \(inputs)]")
    self.kernels = kernels
    let width = kernels.panelWidth
    let count = Panels.count(outputs: outputs, inputs: inputs, width: width)
    panels = Panels(allocateFloats(count), outputs: outputs, inputs: inputs, width: width)
  }

  /// Packs rows w [outputs, inputs].
  public convenience init(_ w: Rows, kernels: VectorKernels) {
    self.init(outputs: w.rows, inputs: w.columns, kernels: kernels)
    kernels.packOutputs(w, into: panels)
  }

  deinit { panels.base.deallocate() }

  /// The transposed matrix, made when it is first asked for and kept: what the backward pass multiplies with.
  public var transposed: PackedMatrix {
    turned.withLock { turned in
      if let turned { return turned }
      let made = PackedMatrix(outputs: inputs, inputs: outputs, kernels: kernels)
      let rows = allocateFloats(outputs * inputs)
      defer { rows.deallocate() }
      let matrix = Rows(rows, rows: outputs, columns: inputs)
      unpack(into: matrix)
      kernels.packInputs(matrix, into: made.panels)
      turned = made
      return made
    }
  }

  /// The matrix as rows [outputs, inputs], the very values that were packed.
  public func unpack(into w: Rows) {
    precondition(
      w.rows == outputs && w.columns == inputs, "[\(outputs), \(inputs)] unpacked as [\(w.rows), \(w.columns)]")
    let width = panels.width
    for output in 0..<outputs {
      let column = panels.base + output / width * width * inputs + output % width
      let row = w.base + output * w.stride
      for input in 0..<inputs { row[input] = column[input * width] }
    }
  }
}
