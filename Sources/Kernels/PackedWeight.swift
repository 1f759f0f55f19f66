internal import Synchronization

/// A weight [outputs, inputs] packed once, in the type that its file has or rounded, and in memory of its own.
///
/// `@unchecked Sendable`: the memory is written by whoever makes the weight,
/// before it is shared, and only read then.
public final class PackedWeight: @unchecked Sendable {
  public let panels: Panels
  public let kernels: VectorKernels
  private let backward = Mutex<PackedWeight?>(nil)

  public var outputs: Int { panels.outputs }
  public var inputs: Int { panels.inputs }
  public var type: PanelType { panels.type }

  /// A weight whose panels are still to be packed, every one of them.
  public init(outputs: Int, inputs: Int, type: PanelType = .exact(.float32), kernels: VectorKernels) {
    precondition(outputs > 0 && inputs > 0, "a packed weight of [\(outputs), \(inputs)]")
    self.kernels = kernels
    let width = kernels.panelWidth
    let bytes =
      switch type {
      case .exact(let type): inputs * width * type.byteCount
      case .rounded(let rounding): kernels.panelBytes(rounding, inputs: inputs)
      }
    let count = (outputs + width - 1) / width * bytes / MemoryLayout<Float>.stride
    panels = Panels(
      allocateFloats(count), outputs: outputs, inputs: inputs, width: width, type: type, panelBytes: bytes)
  }

  /// Packs rows w [outputs, inputs], in their own type.
  public convenience init(_ w: WeightRows, kernels: VectorKernels) {
    self.init(outputs: w.rows, inputs: w.columns, type: .exact(w.type), kernels: kernels)
    kernels.packOutputs(w, into: panels)
  }

  deinit { panels.base.deallocate() }

  /// The transposed weight: what the backward pass multiplies with. Made at its first use and kept. It has the same
  /// values, in the same type; those of a rounded weight in float32, as gradients are not rounded.
  public var transposed: PackedWeight {
    backward.withLock { backward in
      if let backward { return backward }
      let type: WeightType =
        switch self.type {
        case .exact(let type): type
        case .rounded: .float32
        }
      let made = PackedWeight(outputs: inputs, inputs: outputs, type: .exact(type), kernels: kernels)
      let memory = UnsafeMutableRawPointer.allocate(byteCount: outputs * inputs * type.byteCount, alignment: 64)
      defer { memory.deallocate() }
      let rows = WeightRows(memory, type, rows: outputs, columns: inputs)
      switch self.type {
      case .exact: kernels.unpack(panels, into: rows)
      case .rounded:
        unpack(into: Rows(memory.assumingMemoryBound(to: Float.self), rows: outputs, columns: inputs))
      }
      kernels.packInputs(rows, into: made.panels)
      backward = made
      return made
    }
  }

  /// The rows [outputs, inputs] as float32: the very values that products multiply with.
  public func unpack(into w: Rows) {
    precondition(
      w.rows == outputs && w.columns == inputs, "[\(outputs), \(inputs)] unpacked as [\(w.rows), \(w.columns)]")
    switch type {
    case .exact(.float32): kernels.unpack(panels, into: WeightRows(w))
    case .exact(let type): unpackHalves(type, into: w)
    case .rounded(let rounding): kernels.unpack(panels, rounding, into: w)
    }
  }

  private func unpackHalves(_ type: WeightType, into w: Rows) {
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
