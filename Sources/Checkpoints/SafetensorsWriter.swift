/// A float32 tensor to be written.
public struct OutgoingTensor: Sendable {
  /// The name to write.
  public let name: String
  /// Its dimensions; empty for a scalar.
  public let shape: [Int]
  /// Its elements in row-major order.
  public let values: [Float]

  /// - Precondition: `shape` has as many elements as `values`.
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(checkedProduct(shape) == values.count, "'\(name)' is \(shape), but has \(values.count) values")
    self.name = name
    self.shape = shape
    self.values = values
  }
}

/// A tensor to be written in the element type that it has.
public struct TypedTensor: Sendable {
  public let name: String
  public let shape: [Int]
  public let elementType: ElementType
  fileprivate let content: Content

  fileprivate enum Content: Sendable {
    case floats([Float])
    case int8([Int8])
    case stored(StoredTensor)
  }

  public init(_ tensor: OutgoingTensor) {
    (name, shape, elementType, content) = (tensor.name, tensor.shape, .float32, .floats(tensor.values))
  }

  /// A tensor of a file, bit for bit.
  public init(_ stored: StoredTensor) {
    (name, shape, elementType, content) = (stored.name, stored.shape, stored.elementType, .stored(stored))
  }

  /// - Precondition: `shape` has as many elements as `values`.
  public init(name: String, shape: [Int], int8 values: [Int8]) {
    precondition(checkedProduct(shape) == values.count, "'\(name)' is \(shape), but has \(values.count) values")
    (self.name, self.shape, elementType, content) = (name, shape, .int8, .int8(values))
  }

  public var byteCount: Int { shape.reduce(1, *) * elementType.byteCount }
}

/// The safetensors format.
public enum Safetensors {
  /// Writes the tensors to one file, by ``AtomicFile``.
  ///
  /// The result is canonical: equal content gives equal bytes. Metadata and tensors are sorted by name, the header is
  /// padded with spaces to a multiple of eight, and the data follows without gaps, so that every tensor can be used in
  /// the mapped file. The Python package `safetensors` writes the same bytes for float32 tensors.
  ///
  /// - Throws: ``CheckpointError/cannotWrite(path:operation:code:)``; ``CheckpointError/duplicateTensor(name:files:)``
  ///   if two tensors have the same name, ``CheckpointError/safetensors(_:file:)`` for a reserved name, and
  ///   ``CheckpointError/overLimit(_:found:limit:file:)`` for what could not be read back.
  public static func write(
    _ tensors: [OutgoingTensor], metadata: [String: String] = [:], to path: String
  ) throws(CheckpointError) {
    try write(tensors.map { TypedTensor($0) }, metadata: metadata, to: path)
  }

  /// Writes the tensors as `write` above, each in its own type. The longest elements come first, so that each tensor can
  /// be used where it is mapped.
  public static func write(
    _ tensors: [TypedTensor], metadata: [String: String] = [:], to path: String
  ) throws(CheckpointError) {
    let tensors = tensors.sorted {
      ($1.elementType.byteCount, $0.name) < ($0.elementType.byteCount, $1.name)
    }
    try checkNames(of: tensors.map { ($0.name, $0.shape) }, path: path)
    guard !tensors.contains(where: { $0.name == "__metadata__" }) else {
      throw .safetensors(.reservedName("__metadata__"), file: path)
    }
    let header = try paddedHeader(of: tensors, metadata: metadata, path: path)
    try AtomicFile.write(to: path) { (output) throws(CheckpointError) in
      try output.append(header)
      for tensor in tensors {
        switch tensor.content {
        case .floats(let values): try output.append(values)
        case .int8(let values): try output.append(values)
        case .stored(let stored):
          try stored.withUnsafeBytes { (bytes) throws(CheckpointError) in try output.append(bytes) }
        }
      }
    }
  }

  /// The length and the JSON before the data.
  private static func paddedHeader(
    of tensors: [TypedTensor], metadata: [String: String], path: String
  ) throws(CheckpointError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    guard json.count <= Limits.safetensorsHeader else {
      throw .safetensors(.headerTooLarge(length: UInt64(json.count), limit: Limits.safetensorsHeader), file: path)
    }
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }

  /// A JSON string with minimal escaping.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{8}": quoted += "\\b"
      case "\u{C}": quoted += "\\f"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "\0"..<" ": quoted += "\\u00\(hexadecimal(UInt8(scalar.value)))"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

extension AtomicFile.Output {
  /// Appends the bytes of the elements, little-endian as in the file.
  borrowing func append<Element: BitwiseCopyable>(_ elements: [Element]) throws(CheckpointError) {
    let result = elements.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try append(bytes) }
    }
    try result.get()
  }
}
