extension StoredTensor {
  /// The first element, in row-major order, that is NaN or infinite as a float32; nil if there is none.
  ///
  /// - Complexity: reads all elements once.
  public var firstNotFinite: (index: Int, value: Float)? {
    withUnsafeBytes { bytes in
      switch elementType {
      case .float32: Self.first(bytes, UInt32.self, exponent: 0x7F80_0000) { Float(bitPattern: $0) }
      case .bfloat16: Self.first(bytes, UInt16.self, exponent: 0x7F80) { Float(bitPattern: UInt32($0) << 16) }
      case .float16: Self.first(bytes, UInt16.self, exponent: 0x7C00) { float(half: $0) }
      case .float64:
        (0..<elementCount).lazy.map { index in
          (index: index, value: Float(bytes.loadUnaligned(fromByteOffset: index * 8, as: Double.self)))
        }.first { !$0.value.isFinite }
      case .int64, .int32, .int16, .int8, .uint8, .bool: nil
      }
    }
  }

  /// The index of the first number whose exponent bits are all set.
  ///
  /// Blocks are searched without branches, so that the compiler can vectorize.
  private static func first<Bits: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, _ type: Bits.Type, exponent: Bits, _ value: (Bits) -> Float
  ) -> (index: Int, value: Float)? {
    let size = MemoryLayout<Bits>.size
    let count = bytes.count / size
    let block = 4096
    for start in stride(from: 0, to: count, by: block) {
      let end = min(start + block, count)
      var found: Bits = 0
      for index in start..<end {
        let bits = bytes.loadUnaligned(fromByteOffset: index &* size, as: Bits.self)
        found |= bits & exponent == exponent ? 1 : 0
      }
      guard found != 0 else { continue }
      for index in start..<end {
        let bits = bytes.loadUnaligned(fromByteOffset: index &* size, as: Bits.self)
        if bits & exponent == exponent { return (index, value(bits)) }
      }
    }
    return nil
  }
}
