import Foundation
import Testing

@testable import Checkpoints

@Suite struct SafetensorsWriterTests {
  private func outgoing(_ file: TensorFile) throws -> [OutgoingTensor] {
    try file.tensors.map { try OutgoingTensor(name: $0.name, shape: $0.shape, values: $0.floats()) }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a.safetensors"
    let tensors = [
      OutgoingTensor(name: "z", shape: [2, 2], values: [1, -0.0, .infinity, 4]),
      OutgoingTensor(name: "a \"quoted\\\n\u{1}é", shape: [], values: [5]),
      OutgoingTensor(name: "none", shape: [0, 3], values: []),
    ]
    try Safetensors.write(tensors, metadata: ["b": "\u{8}\u{C}\r\t\"", "a": "ß"], to: path)
    let file = try TensorFile(path: path)
    #expect(file.metadata == ["b": "\u{8}\u{C}\r\t\"", "a": "ß"])
    #expect(file.tensors.count == 3)
    for tensor in tensors {
      let read = try #require(file[tensor.name])
      #expect(read.shape == tensor.shape)
      #expect(try read.floats().map(\.bitPattern) == tensor.values.map(\.bitPattern))
      #expect(read.isMappedFloat32)
    }
    #expect(try folder.contents == ["a.safetensors"])
  }

  @Test func everyTypeIsWrittenAndCanBeUsedWhereItIsMapped() throws {
    let folder = TemporaryFolder()
    let (first, second) = ("\(folder.path)/a.safetensors", "\(folder.path)/b.safetensors")
    let tensors = [
      TypedTensor(name: "a", shape: [3], int8: [-127, 0, 5]),
      TypedTensor(OutgoingTensor(name: "z", shape: [2], values: [1.5, -2])),
    ]
    try Safetensors.write(tensors, to: first)
    let file = try TensorFile(path: first)
    // Copied from file to file, they keep their bits and their types.
    try Safetensors.write(file.tensors.reversed().map { TypedTensor($0) }, to: second)
    #expect(FileManager.default.contents(atPath: second) == FileManager.default.contents(atPath: first))
    let (a, z) = (try #require(file["a"]), try #require(file["z"]))
    #expect(a.elementType == .int8 && a.isMapped && z.isMappedFloat32)
    #expect(try a.floats() == [-127, 0, 5] && z.floats() == [1.5, -2])
    #expect(throws: CheckpointError.duplicateTensor(name: "a", files: [first])) {
      try Safetensors.write(tensors + [TypedTensor(OutgoingTensor(name: "a", shape: [1], values: [1]))], to: first)
    }
  }

  /// The base was written by the Python package.
  @Test(arguments: ["v3", "norel", "v2conv"])
  func aFileOfPythonIsRewrittenByteForByte(_ name: String) throws {
    let folder = TemporaryFolder()
    let original = "\(base(name))/model.safetensors"
    let copy = "\(folder.path)/copy.safetensors"
    let file = try TensorFile(path: original)
    try Safetensors.write(outgoing(file).reversed(), metadata: file.metadata, to: copy)
    #expect(FileManager.default.contents(atPath: copy) == FileManager.default.contents(atPath: original))
  }

  @Test func whatWouldNotBeReadBackIsNotWritten() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/a.safetensors"
    let one = OutgoingTensor(name: "a", shape: [1], values: [1])
    #expect(throws: CheckpointError.duplicateTensor(name: "a", files: [path])) {
      try Safetensors.write([one, one], to: path)
    }
    #expect(throws: CheckpointError.safetensors(.reservedName("__metadata__"), file: path)) {
      try Safetensors.write([OutgoingTensor(name: "__metadata__", shape: [1], values: [1])], to: path)
    }
    let shape = Array(repeating: 1, count: 17)
    #expect(throws: CheckpointError.overLimit(.rank, found: 17, limit: 16, file: path)) {
      try Safetensors.write([OutgoingTensor(name: "a", shape: shape, values: [1])], to: path)
    }
    #expect(try folder.contents.isEmpty)
  }
}

@Suite struct AtomicFileTests {
  @Test func aFileIsReplacedAndTheOldOneStaysMapped() throws {
    let folder = TemporaryFolder()
    let path = try folder.write([1, 2, 3], as: "file")
    let old = try MappedFile(path: path)
    try AtomicFile.write(Data([4, 5]), to: path)
    #expect(old.copy(0..<3) == [1, 2, 3])
    #expect(try AtomicFile.read(path) == Data([4, 5]))
    #expect(try folder.contents == ["file"])
  }

  @Test func aFailedWriteLeavesTheOldFileAndNothingElse() throws {
    let folder = TemporaryFolder()
    let path = try folder.write([1, 2, 3], as: "file")
    #expect(throws: CheckpointError.notAFile(path: "x")) {
      try AtomicFile.write(to: path) { (output) throws(CheckpointError) in
        let half: [UInt8] = [9]
        let result = half.withUnsafeBytes { bytes in
          Result { () throws(CheckpointError) in try output.append(bytes) }
        }
        try result.get()
        throw .notAFile(path: "x")
      }
    }
    #expect(try AtomicFile.read(path) == Data([1, 2, 3]))
    #expect(try folder.contents == ["file"])
  }

  @Test func aDestinationThatCannotBeReplacedIsReported() throws {
    let folder = TemporaryFolder()
    let missing = "\(folder.path)/no/such/file"
    #expect(
      throws: CheckpointError.cannotWrite(path: missing, operation: "creating a file in its folder", code: ENOENT)
    ) { try AtomicFile.write(Data(), to: missing) }
    mkdir("\(folder.path)/taken", 0o755)
    #expect(throws: CheckpointError.cannotWrite(path: "\(folder.path)/taken", operation: "writing", code: EISDIR)) {
      try AtomicFile.write(Data([1]), to: "\(folder.path)/taken")
    }
    #expect(try folder.contents == ["taken"])
  }

  @Test func foldersAndMissingFilesAreNotRead() throws {
    let folder = TemporaryFolder()
    #expect(throws: CheckpointError.notAFile(path: folder.path)) { try MappedFile(path: folder.path) }
    let missing = "\(folder.path)/missing"
    #expect(throws: CheckpointError.cannotRead(path: missing, code: ENOENT)) { try MappedFile(path: missing) }
  }

  @Test func releasedPagesAreReadAgain() throws {
    let folder = TemporaryFolder()
    let content = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let file = try MappedFile(path: folder.write(content))
    for range in [0..<50_000, 0..<0, 100..<200, 5000..<40_000, 49_999..<50_000] {
      file.release(range)
      #expect(file.copy(0..<50_000) == content)
    }
    let empty = try MappedFile(path: folder.write([], as: "empty"))
    empty.release(0..<0)
    #expect(empty.withUnsafeBytes(0..<0) { $0.count } == 0)
  }
}
