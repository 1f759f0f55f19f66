/// Copies a strided view in row-major order.
///
/// - `bytes` starts at the view's first element and reaches its last.
/// - `strides`: one per dimension of `shape`, in elements, not negative.
/// - `y`: room for the product of `shape` elements of `elementBytes` bytes.
func gather(
  from bytes: UnsafeRawBufferPointer, shape: [Int], strides: [Int], elementBytes: Int,
  into y: UnsafeMutableRawBufferPointer
) {
  switch elementBytes {
  case 1: gather(UInt8.self, from: bytes, shape: shape, strides: strides, into: y)
  case 2: gather(UInt16.self, from: bytes, shape: shape, strides: strides, into: y)
  case 4: gather(UInt32.self, from: bytes, shape: shape, strides: strides, into: y)
  default: gather(UInt64.self, from: bytes, shape: shape, strides: strides, into: y)
  }
}

private func gather<Element: FixedWidthInteger & BitwiseCopyable>(
  _ element: Element.Type, from bytes: UnsafeRawBufferPointer, shape: [Int], strides: [Int],
  into y: UnsafeMutableRawBufferPointer
) {
  guard !shape.contains(0), let source = bytes.baseAddress, let target = y.baseAddress else { return }
  let size = MemoryLayout<Element>.size
  let columns = shape.last ?? 1
  let step = (strides.last ?? 0) * size
  let outer = shape.dropLast()
  var index = Array(repeating: 0, count: outer.count)
  var row = 0
  var written = 0
  while true {
    precondition(row + (columns - 1) * step + size <= bytes.count, "a view past its storage")
    for column in 0..<columns {
      let value = source.loadUnaligned(fromByteOffset: row &+ column &* step, as: element)
      target.storeBytes(of: value, toByteOffset: written, as: element)
      written &+= size
    }
    // Counts up like an odometer: the last outer dimension varies fastest.
    var dimension = outer.count - 1
    while dimension >= 0 {
      index[dimension] += 1
      row += strides[dimension] * size
      if index[dimension] < outer[dimension] { break }
      row -= outer[dimension] * strides[dimension] * size
      index[dimension] = 0
      dimension -= 1
    }
    if dimension < 0 { return }
  }
}
