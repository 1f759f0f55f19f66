import Foundation
import Glibc

@testable import Checkpoints

/// The tiny encoders that several containers hold.
func base(_ name: String) -> String {
  let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  return tests.appendingPathComponent("Fixtures/parity/bases/\(name)").path
}

/// A folder that lasts as long as the value.
final class TemporaryFolder {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "checkpoints-\(UUID().uuidString)"
    mkdir(path, 0o755)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func write(_ bytes: [UInt8], as name: String = "test") throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// Opens a file of these bytes.
func tensorFile(_ bytes: [UInt8]) throws -> TensorFile {
  let folder = TemporaryFolder()
  return try TensorFile(path: folder.write(bytes))
}

/// The error with which a file of these bytes is refused, or nil.
func refusal(of bytes: [UInt8]) -> CheckpointError? {
  do {
    _ = try tensorFile(bytes)
    return nil
  } catch {
    return error as? CheckpointError
  }
}

/// What of a file is read from it: names, shapes, types and all elements.
func content(of file: TensorFile) -> [String: [UInt8]] {
  var content: [String: [UInt8]] = [:]
  for tensor in file.tensors {
    content["\(tensor.name) \(tensor.elementType) \(tensor.shape)"] = tensor.withUnsafeBytes { [UInt8]($0) }
  }
  return content
}

extension CheckpointError {
  var json: JSONFault? { if case .json(let fault, _) = self { fault } else { nil } }
  var safetensors: SafetensorsFault? { if case .safetensors(let fault, _) = self { fault } else { nil } }
  var shardIndex: ShardIndexFault? { if case .shardIndex(let fault, _) = self { fault } else { nil } }
  var zip: ZipFault? { if case .zip(let fault, _) = self { fault } else { nil } }
  var pickle: PickleFault? { if case .pickle(let fault, _) = self { fault } else { nil } }
  var torch: TorchFault? { if case .torch(let fault, _) = self { fault } else { nil } }
  var quantity: Quantity? { if case .overLimit(let quantity, _, _, _) = self { quantity } else { nil } }
}

/// The bytes of an integer, little-endian.
func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian, Array.init)
}

/// The bytes of floats.
func bytes(_ values: [Float]) -> [UInt8] {
  values.flatMap { bytes($0.bitPattern) }
}
