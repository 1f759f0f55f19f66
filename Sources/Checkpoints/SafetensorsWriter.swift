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
    let tensors = tensors.sorted { $0.name < $1.name }
    try checkNames(of: tensors, path: path)
    guard !tensors.contains(where: { $0.name == "__metadata__" }) else {
      throw .safetensors(.reservedName("__metadata__"), file: path)
    }
    let header = try paddedHeader(of: tensors, metadata: metadata, path: path)
    try AtomicFile.write(to: path) { (output) throws(CheckpointError) in
      try output.append(header)
      for tensor in tensors { try output.append(tensor.values) }
    }
  }

  /// The length and the JSON before the data.
  private static func paddedHeader(
    of tensors: [OutgoingTensor], metadata: [String: String], path: String
  ) throws(CheckpointError) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.values.count * ElementType.float32.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
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
