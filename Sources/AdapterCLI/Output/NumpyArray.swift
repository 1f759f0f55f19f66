internal import AdapterHost

/// Rows of numbers as a NumPy file: version 1.0, little-endian float32, [rows, columns].
struct NumpyArray {
  private let columns: Int
  private var values: [Float] = []

  init(columns: Int) { self.columns = columns }

  mutating func append(_ row: [Float]) {
    precondition(row.count == columns, "a row of \(row.count) numbers in an array of \(columns) columns")
    values += row
  }

  /// Writes the file, completely or not at all.
  func write(to path: String) throws(FileError) {
    let file = try FileDraft(for: path)
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(values.count / max(columns, 1)), \(columns)), }"
    // The data begin at a multiple of 64 bytes; the header ends with a line feed.
    let used = 10 + header.utf8.count + 1
    header += String(repeating: " ", count: (64 - used % 64) % 64) + "\n"
    let length = UInt16(header.utf8.count)
    let start =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
    try append(start, to: file)
    try append(values, to: file)
    try file.publish()
  }

  private func append<Element>(_ elements: [Element], to file: borrowing FileDraft) throws(FileError) {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try file.append(bytes) }
    }
    try result.get()
  }
}
