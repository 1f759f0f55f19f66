internal import CKernels

/// What weights and rows are rounded to for their products.
public enum Rounding: Sendable, Hashable, CaseIterable {
  /// Eight bits, with a scale for each output of a weight, and a scale and a zero for each row. Sums are whole numbers.
  case int8
  /// bfloat16. Sums are in float32.
  case bf16

  /// Bytes of one value.
  public var byteCount: Int {
    switch self {
    case .int8: 1
    case .bf16: 2
    }
  }

  /// The most inputs of a weight: sums of more products of int8 would not fit into 32 bits.
  public var maximumInputs: Int {
    switch self {
    case .int8: Int(Int32.max) / (255 * 128)
    case .bf16: .max
    }
  }
}

/// Rounded weights [rows, columns] in memory, as a file stores them.
///
///     w ≈ scale q        q in -127 ... 127, for int8
///
/// `@unchecked Sendable`: an address, like `Rows`.
public struct RoundedWeights: @unchecked Sendable {
  public let values: UnsafeMutableRawPointer
  /// One for each row; nil for bf16, which has none.
  public let scales: UnsafeMutablePointer<Float>?
  public let rounding: Rounding
  public let rows: Int
  public let columns: Int

  public init(
    _ values: UnsafeMutableRawPointer, scales: UnsafeMutablePointer<Float>?, _ rounding: Rounding, rows: Int,
    columns: Int
  ) {
    self.values = values
    self.scales = scales
    self.rounding = rounding
    self.rows = rows
    self.columns = columns
  }

  /// The rows of a range, in place.
  public func slice(_ range: Range<Int>) -> RoundedWeights {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return RoundedWeights(
      values + range.lowerBound * columns * rounding.byteCount, scales: scales.map { $0 + range.lowerBound }, rounding,
      rows: range.count, columns: columns)
  }
}

/// Rows of activations, rounded one by one, so that a row has the same bits alone as in a batch.
///
///     x ≈ scale (u - zero)        u in 0 ... 255, for int8
///
/// `@unchecked Sendable`: an address, like `Rows`.
public struct RoundedRows: @unchecked Sendable {
  fileprivate let base: UnsafeMutableRawPointer
  fileprivate let stride: Int
  public let rounding: Rounding
  public let rows: Int
  public let columns: Int

  /// Rows `stride` bytes apart, as `VectorKernels.rowBytes` gives it.
  public init(_ base: UnsafeMutableRawPointer, stride: Int, _ rounding: Rounding, rows: Int, columns: Int) {
    self.base = base
    self.stride = stride
    self.rounding = rounding
    self.rows = rows
    self.columns = columns
  }

  /// The rows of a range, in place.
  public func slice(_ range: Range<Int>) -> RoundedRows {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return RoundedRows(base + range.lowerBound * stride, stride: stride, rounding, rows: range.count, columns: columns)
  }
}

extension VectorKernels {
  private func kernels(_ rounding: Rounding) -> ck_rounded_kernels {
    let table = table.pointer.pointee.rounded
    return switch rounding {
    case .int8: table.0
    case .bf16: table.1
    }
  }

  /// The bytes from one rounded row to the next: whole cache lines, and never so many that all rows fall on the same few
  /// of the cache.
  public func rowBytes(_ rounding: Rounding, columns: Int) -> Int {
    let lines = (Int(kernels(rounding).row_bytes(Int64(columns))) + 63) / 64 * 64
    return lines % 1024 == 0 ? lines + 64 : lines
  }

  /// The bytes of one panel of rounded weights.
  func panelBytes(_ rounding: Rounding, inputs: Int) -> Int { Int(kernels(rounding).panel_bytes(Int64(inputs))) }

  /// Rounds weights; those that are not finite give results that are not numbers.
  public func round(_ w: Rows, to rounded: RoundedWeights) {
    precondition(
      w.rows == rounded.rows && w.columns == rounded.columns,
      "[\(w.rows), \(w.columns)] rounded to [\(rounded.rows), \(rounded.columns)]")
    kernels(rounded.rounding).round_weights(
      Int64(w.rows), Int64(w.columns), w.base, Int64(w.stride), rounded.values, rounded.scales)
  }

  /// Rounds rows. A row with a value that is not finite gives results that are not numbers.
  public func round(_ x: Rows, to rounded: RoundedRows) {
    precondition(
      x.rows == rounded.rows && x.columns == rounded.columns,
      "[\(x.rows), \(x.columns)] rounded to [\(rounded.rows), \(rounded.columns)]")
    kernels(rounded.rounding).round_rows(
      Int64(x.rows), Int64(x.columns), x.base, Int64(x.stride), rounded.base, Int64(rounded.stride))
  }

  /// Packs rounded weights [outputs, inputs].
  public func pack(_ w: RoundedWeights, into panels: Panels) {
    precondition(
      w.rows == panels.outputs && w.columns == panels.inputs && panels.type == .rounded(w.rounding),
      "\(w.rounding) [\(w.rows), \(w.columns)] packed as \(panels.type) [\(panels.outputs), \(panels.inputs)]")
    precondition(w.columns <= w.rounding.maximumInputs, "\(w.columns) inputs of \(w.rounding)")
    kernels(w.rounding).pack(Int64(w.rows), Int64(w.columns), w.values, w.scales, panels.base)
  }

  /// The rows [outputs, inputs] of rounded panels, as products see them.
  func unpack(_ panels: Panels, _ rounding: Rounding, into w: Rows) {
    kernels(rounding).unpack(Int64(w.rows), Int64(w.columns), panels.base, w.base, Int64(w.stride))
  }

  /// y [M, N] from rounded rows x [M, K] and panels of w [N, K], rounded alike, with a bias [1, N].
  ///
  /// Every instruction set gives the same bits for the same values, except with `gelu`.
  public func product(
    _ x: RoundedRows, _ w: Panels, bias: Rows? = nil, into y: Rows, epilogue: Epilogue = .store
  ) {
    precondition(
      x.columns == w.inputs && y.columns == w.outputs && x.rows == y.rows,
      "[\(x.rows), \(x.columns)] by [\(w.outputs), \(w.inputs)] does not give [\(y.rows), \(y.columns)]")
    precondition(
      w.width == panelWidth && w.type == .rounded(x.rounding),
      "\(w.type) panels of \(w.width) for \(x.rounding) rows and kernels of \(panelWidth)")
    precondition(bias.map { $0.rows == 1 && $0.columns == w.outputs } ?? true, "a bias of another width")
    kernels(x.rounding).product(
      Int64(x.rows), Int64(w.outputs), Int64(w.inputs), x.base, Int64(x.stride), w.base, y.base, Int64(y.stride),
      bias?.base, epilogue.code)
  }
}
