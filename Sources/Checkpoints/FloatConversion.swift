/// Converts the elements of `bytes`, little-endian and of any alignment, to float32.
///
/// `bytes` contains `destination.count` elements. Each loop is free of branches and calls, so that the compiler can
/// vectorize.
func convertToFloats(
  _ bytes: UnsafeRawBufferPointer, of type: ElementType, into destination: UnsafeMutableBufferPointer<Float>
) {
  precondition(
    bytes.count == destination.count * type.byteCount, "\(bytes.count) bytes for \(destination.count) \(type)")
  guard let source = bytes.baseAddress, let y = destination.baseAddress else { return }
  let count = destination.count
  switch type {
  case .float32:
    UnsafeMutableRawPointer(y).copyMemory(from: source, byteCount: bytes.count)
  case .float64:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i &* 8, as: Double.self)) }
  case .float16:
    for i in 0..<count { y[i] = float(half: source.loadUnaligned(fromByteOffset: i &* 2, as: UInt16.self)) }
  case .bfloat16:
    // A bfloat16 is the upper half of a float32.
    for i in 0..<count {
      y[i] = Float(bitPattern: UInt32(source.loadUnaligned(fromByteOffset: i &* 2, as: UInt16.self)) << 16)
    }
  case .int64:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i &* 8, as: Int64.self)) }
  case .int32:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i &* 4, as: Int32.self)) }
  case .int16:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i &* 2, as: Int16.self)) }
  case .int8:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i, as: Int8.self)) }
  case .uint8, .bool:
    for i in 0..<count { y[i] = Float(source.loadUnaligned(fromByteOffset: i, as: UInt8.self)) }
  }
}

/// Converts a float16, given by its bits, to float32.
///
/// Both candidates are computed and one is selected, which vectorizes without the conversion instruction: a normal
/// number (or infinity, or NaN) has its exponent rebiased by a multiplication; a subnormal one is the fraction of a
/// float that starts at one half, minus that half. From M. Dukhan's FP16 library, `fp16_ieee_to_fp32_value`.
@inline(__always)
func float(half bits: UInt16) -> Float {
  let word = UInt32(bits) << 16
  let sign = word & 0x8000_0000
  let magnitude = word &+ word
  let normal = Float(bitPattern: (magnitude >> 4) &+ (0xE0 << 23)) * 0x1p-112
  let subnormal = Float(bitPattern: (magnitude >> 17) | (126 << 23)) - 0.5
  return Float(bitPattern: sign | (magnitude < 1 << 27 ? subnormal.bitPattern : normal.bitPattern))
}
