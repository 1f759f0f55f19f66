/// A file with a single parameter, which `torch.load` returns as such.
public enum TorchParameter {
  /// - Throws: the errors of writing a tensor file.
  public static func write(_ tensor: OutgoingTensor, to path: String) throws(CheckpointError) {
    try TorchArchive.write(parameter: tensor, to: path)
  }
}

/// The zip archive that `torch.save` writes for a dict of tensors.
///
/// `archive/data.pkl` is a pickle of protocol 2 that only calls `torch._utils._rebuild_tensor_v2`, so that
/// `torch.load(weights_only=True)` accepts it; `archive/data/N` are the elements, each at a multiple of 64 bytes, where
/// PyTorch maps them. Source: torch/serialization.py, `_save`; PKWARE APPNOTE.TXT 6.3.10, section 4.3.
enum TorchArchive {
  /// Writes the tensors to one file, by ``AtomicFile``. Equal content gives equal bytes.
  ///
  /// - Throws: ``CheckpointError/cannotWrite(path:operation:code:)``, ``CheckpointError/duplicateTensor(name:files:)``,
  ///   and ``CheckpointError/overLimit(_:found:limit:file:)`` for what could not be read back.
  static func write(_ tensors: [OutgoingTensor], to path: String) throws(CheckpointError) {
    let tensors = tensors.sorted { $0.name < $1.name }
    try checkNames(of: tensors.map { ($0.name, $0.shape) }, path: path)
    try write(tensors, pickle: pickle(of: tensors), to: path)
  }

  /// Writes one tensor as a parameter, which `torch.load` returns as such.
  static func write(parameter tensor: OutgoingTensor, to path: String) throws(CheckpointError) {
    try write([tensor], pickle: pickle(ofParameter: tensor), to: path)
  }

  private static func write(
    _ tensors: [OutgoingTensor], pickle: [UInt8], to path: String
  ) throws(CheckpointError) {
    guard pickle.count <= Limits.pickleBytes else {
      throw .overLimit(.pickleBytes, found: pickle.count, limit: Limits.pickleBytes, file: path)
    }
    // Offsets and sizes in this form of zip have 32 bits.
    let bytes = tensors.reduce(0) { $0 + $1.values.count * 4 + 512 } + pickle.count + 1024
    guard bytes < Int(UInt32.max), tensors.count + 3 < Int(UInt16.max) else {
      throw .overLimit(.archiveBytes, found: bytes, limit: Int(UInt32.max), file: path)
    }
    try AtomicFile.write(to: path) { (output) throws(CheckpointError) in
      var archive = ArchiveDirectory()
      try output.append(archive.open("archive/data.pkl", pickle) + pickle)
      for (name, text) in [("archive/byteorder", "little"), ("archive/version", "3\n")] {
        try output.append(archive.open(name, Array(text.utf8)) + Array(text.utf8))
      }
      for (index, tensor) in tensors.enumerated() {
        try output.append(archive.open("archive/data/\(index)", tensor.values))
        try output.append(tensor.values)
      }
      try output.append(archive.end())
    }
  }

  /// A dict from names to tensors, each a view of a separate storage.
  private static func pickle(of tensors: [OutgoingTensor]) -> [UInt8] {
    var pickle = PickleWriter()
    pickle.add(.proto, 2)
    pickle.add(.emptyDict)
    pickle.add(.mark)
    for (index, tensor) in tensors.enumerated() {
      pickle.text(tensor.name)
      pickle.tensor(tensor, index)
    }
    pickle.add(.setItems)
    pickle.stop()
    return pickle.bytes
  }

  /// An `nn.Parameter`: its tensor, whether it needs a gradient, and hooks.
  private static func pickle(ofParameter tensor: OutgoingTensor) -> [UInt8] {
    var pickle = PickleWriter()
    pickle.add(.proto, 2)
    pickle.global("torch._utils", "_rebuild_parameter")
    pickle.add(.mark)
    pickle.tensor(tensor, 0)
    pickle.add(.newFalse)
    pickle.global("collections", "OrderedDict")
    pickle.add(.emptyTuple)
    pickle.add(.reduce)
    pickle.add(.tuple)
    pickle.add(.reduce)
    pickle.stop()
    return pickle.bytes
  }
}

private func rowMajorStrides(of shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1) }
  return strides
}

/// Checks the rules shared by all tensor formats: unique names of limited length and number.
func checkNames(of tensors: [(name: String, shape: [Int])], path: String) throws(CheckpointError) {
  guard tensors.count <= Limits.tensors else {
    throw .overLimit(.tensors, found: tensors.count, limit: Limits.tensors, file: path)
  }
  let names = tensors.map(\.name).sorted()
  for (first, second) in zip(names, names.dropFirst()) where first == second {
    throw .duplicateTensor(name: first, files: [path])
  }
  for tensor in tensors { try checkLimits(name: tensor.name, rank: tensor.shape.count, file: path) }
}

/// Pickle instructions of protocol 2.
private struct PickleWriter {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ instruction: PickleInstruction, _ operand: UInt8...) {
    bytes.append(instruction.rawValue)
    bytes += operand
  }

  mutating func text(_ text: String) {
    add(.binUnicode)
    bytes += littleEndian(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  mutating func global(_ module: String, _ name: String) {
    add(.global)
    bytes += Array("\(module)\n\(name)\n".utf8)
  }

  /// A tensor: a view of the storage with this number.
  mutating func tensor(_ tensor: OutgoingTensor, _ index: Int) {
    global("torch._utils", "_rebuild_tensor_v2")
    add(.mark)
    add(.mark)
    text("storage")
    global("torch", "FloatStorage")
    text("\(index)")
    text("cpu")
    integer(tensor.values.count)
    add(.tuple)
    add(.binPersistentID)
    integer(0)
    tuple(tensor.shape)
    tuple(rowMajorStrides(of: tensor.shape))
    add(.newFalse)
    global("collections", "OrderedDict")
    add(.emptyTuple)
    add(.reduce)
    add(.tuple)
    add(.reduce)
  }

  mutating func integer(_ value: Int) {
    if let value = Int32(exactly: value) {
      add(.binInt)
      bytes += littleEndian(value)
    } else {
      add(.long1, 8)
      bytes += littleEndian(Int64(value))
    }
  }

  mutating func tuple(_ values: [Int]) {
    add(.mark)
    for value in values { integer(value) }
    add(.tuple)
  }

  mutating func stop() { bytes.append(UInt8(ascii: ".")) }
}

/// The headers of a zip archive with uncompressed entries.
private struct ArchiveDirectory {
  private var position = 0
  private var entryCount: UInt16 = 0
  private var directory: [UInt8] = []

  private static let alignment = 64
  /// The extra field that PyTorch uses for padding; its content has no meaning.
  private static let padding: UInt16 = 0x4246

  /// The local header of an entry, padded to align its content.
  mutating func open(_ name: String, _ content: [UInt8]) -> [UInt8] {
    open(name, content.withUnsafeBytes { ($0.count, CRC32.of($0)) })
  }

  mutating func open(_ name: String, _ content: [Float]) -> [UInt8] {
    open(name, content.withUnsafeBytes { ($0.count, CRC32.of($0)) })
  }

  private mutating func open(_ name: String, _ content: (count: Int, checksum: UInt32)) -> [UInt8] {
    let sizes =
      littleEndian(content.checksum) + littleEndian(UInt32(content.count)) + littleEndian(UInt32(content.count))
    let names = Array(name.utf8)
    let start = position + 30 + names.count + 4
    let filling = (Self.alignment - start % Self.alignment) % Self.alignment
    // Version 0, no flags, stored, no time.
    let facts = littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt16(0)) + littleEndian(UInt32(0))
    let header =
      littleEndian(UInt32(0x0403_4B50)) + facts + sizes + littleEndian(UInt16(names.count))
      + littleEndian(UInt16(4 + filling)) + names + littleEndian(Self.padding) + littleEndian(UInt16(filling))
      + [UInt8](repeating: UInt8(ascii: "Z"), count: filling)
    directory +=
      littleEndian(UInt32(0x0201_4B50)) + littleEndian(UInt16(0)) + facts + sizes + littleEndian(UInt16(names.count))
      + [UInt8](repeating: 0, count: 12) + littleEndian(UInt32(position)) + names
    position += header.count + content.count
    entryCount += 1
    return header
  }

  /// The central directory and the end record.
  func end() -> [UInt8] {
    directory + littleEndian(UInt32(0x0605_4B50)) + [0, 0, 0, 0] + littleEndian(entryCount) + littleEndian(entryCount)
      + littleEndian(UInt32(directory.count)) + littleEndian(UInt32(position)) + [0, 0]
  }
}

/// The checksum of zip archives: the remainder of a division by x³² + x²⁶ + x²³ + … + 1.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(($0 ^ UInt32($1)) & 0xFF)] }
    }
  }
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}
