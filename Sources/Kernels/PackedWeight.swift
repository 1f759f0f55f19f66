internal import Synchronization

/// A matrix [outputs, inputs] laid out for products with it.
///
/// Panels of `width` outputs, each stored input by input:
/// [ceil(outputs / width), inputs, width], padded with zeros.
///
/// `@unchecked Sendable`: an address, like `Rows`, valid as long as whatever owns the memory lives.
public struct Panels: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  public let type: WeightType
  public let outputs: Int
  public let inputs: Int
  public let width: Int

  /// Panels in memory that holds `Panels.count(...)` floats.
  public init(
    _ base: UnsafeMutableRawPointer, outputs: Int, inputs: Int, width: Int, type: WeightType = .float32
  ) {
    self.base = base
    self.type = type
    self.outputs = outputs
    self.inputs = inputs
    self.width = width
  }

  /// The memory, in floats, of the panels of a matrix [outputs, inputs], padding included.
  public static func count(outputs: Int, inputs: Int, width: Int, type: WeightType = .float32) -> Int {
    (outputs + width - 1) / width * panelBytes(inputs: inputs, width: width, type: type) / MemoryLayout<Float>.stride
  }

  /// The bytes of one panel.
  private static func panelBytes(inputs: Int, width: Int, type: WeightType) -> Int { inputs * width * type.byteCount }

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
      base + panels.lowerBound * Self.panelBytes(inputs: inputs, width: width, type: type),
      outputs: outputs(of: panels).count, inputs: inputs, width: width, type: type)
  }
}

/// A weight [outputs, inputs] packed once, in the type that its file has and in memory of its own.
///
/// `@unchecked Sendable`: the memory is written by whoever makes the weight,
/// before it is shared, and only read then.
public final class PackedWeight: @unchecked Sendable {
  public let panels: Panels
  public let kernels: VectorKernels
  private let backward = Mutex<PackedWeight?>(nil)

  public var outputs: Int { panels.outputs }
  public var inputs: Int { panels.inputs }
  public var type: WeightType { panels.type }

  /// A weight whose panels are still to be packed, every one of them.
  public init(outputs: Int, inputs: Int, type: WeightType = .float32, kernels: VectorKernels) {
    precondition(outputs > 0 && inputs > 0, "a packed weight of [\(outputs), \(inputs)]")
    self.kernels = kernels
    let width = kernels.panelWidth
    let count = Panels.count(outputs: outputs, inputs: inputs, width: width, type: type)
    panels = Panels(allocateFloats(count), outputs: outputs, inputs: inputs, width: width, type: type)
  }

  /// Packs rows w [outputs, inputs], in their own type.
  public convenience init(_ w: WeightRows, kernels: VectorKernels) {
    self.init(outputs: w.rows, inputs: w.columns, type: w.type, kernels: kernels)
    kernels.packOutputs(w, into: panels)
  }

  deinit { panels.base.deallocate() }

  /// The transposed weight, in the same type: what the backward pass multiplies with. Made at its first use and kept.
  public var transposed: PackedWeight {
    backward.withLock { backward in
      if let backward { return backward }
      let made = PackedWeight(outputs: inputs, inputs: outputs, type: type, kernels: kernels)
      let memory = UnsafeMutableRawPointer.allocate(byteCount: outputs * inputs * type.byteCount, alignment: 64)
      defer { memory.deallocate() }
      let rows = WeightRows(memory, type, rows: outputs, columns: inputs)
      kernels.unpack(panels, into: rows)
      kernels.packInputs(rows, into: made.panels)
      backward = made
      return made
    }
  }

  /// The rows [outputs, inputs], widened: the very values that were packed.
  public func unpack(into w: Rows) {
    guard type != .float32 else { return kernels.unpack(panels, into: WeightRows(w)) }
    precondition(
      w.rows == outputs && w.columns == inputs, "[\(outputs), \(inputs)] unpacked as [\(w.rows), \(w.columns)]")
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: panels.width * inputs * type.byteCount, alignment: 64)
    defer { memory.deallocate() }
    for index in 0..<panels.panelCount {
      let own = panels.outputs(of: index..<index + 1)
      let rows = WeightRows(memory, type, rows: own.count, columns: inputs)
      kernels.unpack(panels.slice(index..<index + 1), into: rows)
      kernels.widen(rows, into: w.slice(own))
    }
  }
}
