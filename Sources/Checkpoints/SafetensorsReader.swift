/// Reads the header of a safetensors file and locates its tensors.
///
/// The format is eight bytes of header length, a JSON object from names to type, shape and offsets, and the data. Every
/// rule of the reference reader is applied (github.com/huggingface/safetensors, `safetensors/src/tensor.rs`,
/// `read_metadata` and `Metadata::validate`): the tensors must tile the data without gaps, overlaps or a rest, in the
/// order of their offsets. Stricter: duplicate keys and unknown fields of a tensor are errors.
///
/// - Throws: ``CheckpointError/safetensors(_:file:)``,
///   ``CheckpointError/json(_:file:)``,
///   ``CheckpointError/unknownElementType(tensor:type:file:)``,
///   ``CheckpointError/overLimit(_:found:limit:file:)``.
func readSafetensors(_ file: MappedFile) throws(CheckpointError) -> TensorFile {
  guard file.count >= 8 else { throw .safetensors(.tooShort(bytes: file.count), file: file.path) }
  let length = file.load(UInt64.self, at: 0)
  guard length <= UInt64(Limits.safetensorsHeader) else {
    throw .safetensors(.headerTooLarge(length: length, limit: Limits.safetensorsHeader), file: file.path)
  }
  let available = file.count - 8
  guard length <= UInt64(available) else {
    throw .safetensors(.headerPastEnd(length: Int(length), available: available), file: file.path)
  }
  let data = 8 + Int(length)..<file.count

  let header = try SafetensorsHeader(file.copy(8..<data.lowerBound), file: file.path)
  try header.checkTiling(of: data.count)
  let tensors = header.entries.map { entry in
    StoredTensor(
      name: entry.name, shape: entry.shape, elementType: entry.elementType, source: file,
      extent: .contiguous(data.lowerBound + entry.begin..<data.lowerBound + entry.end))
  }
  return try TensorFile(path: file.path, tensors: tensors, metadata: header.metadata)
}

/// The parsed JSON of a safetensors file.
struct SafetensorsHeader {
  /// One tensor; `begin` and `end` are byte offsets in the data.
  struct Entry {
    let name: String
    let elementType: ElementType
    let shape: [Int]
    let begin: Int
    let end: Int
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]
  private let file: String

  init(_ bytes: [UInt8], file: String) throws(CheckpointError) {
    self.file = file
    var entries: [Entry] = []
    var metadata: [String: String] = [:]
    var reader = try JSONReader(bytes, file: file)
    try reader.object { (reader, name) throws(CheckpointError) in
      if name == "__metadata__" {
        try reader.object { (reader, key) throws(CheckpointError) in
          metadata[key] = try reader.string()
          guard metadata.count <= Limits.metadata else {
            throw .overLimit(.metadata, found: metadata.count, limit: Limits.metadata, file: file)
          }
        }
        return
      }
      try entries.append(Self.entry(name, from: &reader, file: file))
      guard entries.count <= Limits.tensors else {
        throw .overLimit(.tensors, found: entries.count, limit: Limits.tensors, file: file)
      }
    }
    try reader.finish()
    self.entries = entries
    self.metadata = metadata
  }

  private static func entry(
    _ name: String, from reader: inout JSONReader, file: String
  ) throws(CheckpointError) -> Entry {
    try checkLimits(name: name, rank: 0, file: file)
    var type: String?
    var shape: [Int]?
    var offsets: [Int]?
    try reader.object { (reader, field) throws(CheckpointError) in
      switch field {
      case "dtype": type = try reader.string()
      case "shape":
        let dimensions = try Self.counts(from: &reader, atMost: Limits.rank)
        try checkLimits(name: name, rank: dimensions.count, file: file)
        shape = dimensions
      case "data_offsets": offsets = try Self.counts(from: &reader, atMost: 2)
      default: throw .safetensors(.unknownField(tensor: name, field: field), file: file)
      }
    }
    func missing(_ field: String) -> CheckpointError {
      .safetensors(.missingField(tensor: name, field: field), file: file)
    }
    guard let type else { throw missing("dtype") }
    guard let shape else { throw missing("shape") }
    guard let offsets else { throw missing("data_offsets") }
    guard let elementType = ElementType(rawValue: type) else {
      throw .unknownElementType(tensor: name, type: type, file: file)
    }
    guard offsets.count == 2 else {
      throw .safetensors(.offsetsNotAPair(tensor: name, found: offsets.count), file: file)
    }
    return Entry(name: name, elementType: elementType, shape: shape, begin: offsets[0], end: offsets[1])
  }

  /// An array of integers. Reading stops one after `limit`, which is enough to refuse it.
  private static func counts(from reader: inout JSONReader, atMost limit: Int) throws(CheckpointError) -> [Int] {
    var counts: [Int] = []
    try reader.array { (reader) throws(CheckpointError) in
      let value = try reader.count()
      if counts.count <= limit { counts.append(value) }
    }
    return counts
  }

  /// Checks that the tensors cover `dataBytes` bytes exactly once.
  func checkTiling(of dataBytes: Int) throws(CheckpointError) {
    var expected = 0
    for entry in entries.sorted(by: { ($0.begin, $0.end) < ($1.begin, $1.end) }) {
      if let fault = fault(of: entry, expectedBegin: expected) { throw .safetensors(fault, file: file) }
      expected = entry.end
    }
    guard expected == dataBytes else {
      throw .safetensors(.dataLength(expected: expected, found: dataBytes), file: file)
    }
  }

  private func fault(of entry: Entry, expectedBegin: Int) -> SafetensorsFault? {
    guard entry.begin <= entry.end else {
      return .offsetsReversed(tensor: entry.name, begin: entry.begin, end: entry.end)
    }
    guard entry.begin <= expectedBegin else {
      return .gap(before: entry.name, begin: entry.begin, expected: expectedBegin)
    }
    guard entry.begin == expectedBegin else {
      return .overlap(with: entry.name, begin: entry.begin, expected: expectedBegin)
    }
    guard let size = checkedProduct(entry.shape + [entry.elementType.byteCount]) else {
      return .sizeOverflow(tensor: entry.name, shape: entry.shape, type: entry.elementType)
    }
    guard size == entry.end - entry.begin else {
      return .sizeMismatch(
        tensor: entry.name, shape: entry.shape, type: entry.elementType, expected: size,
        found: entry.end - entry.begin)
    }
    return nil
  }
}
