internal import Files
public import FoundationEssentials

/// Writes files completely or not at all, by `FileDraft`.
public enum AtomicFile {
  /// Writes `data` to `path`, replacing an existing file.
  ///
  /// - Throws: ``CheckpointError/cannotWrite(path:operation:code:)``; the destination is then unchanged, unless only
  ///   the last step failed, which syncs the folder.
  public static func write(_ data: Data, to path: String) throws(CheckpointError) {
    try write(to: path) { (output) throws(CheckpointError) in
      let result = data.withUnsafeBytes { bytes in
        Result { () throws(CheckpointError) in try output.append(bytes) }
      }
      try result.get()
    }
  }

  /// Reads a configuration or another small file of at most `limit` bytes.
  ///
  /// - Throws: ``CheckpointError/cannotRead(path:code:)``,
  ///   ``CheckpointError/notAFile(path:)``, and
  ///   ``CheckpointError/overLimit(_:found:limit:file:)``.
  public static func read(
    _ path: String, limit: Int = Limits.configurationBytes
  ) throws(CheckpointError) -> Data {
    let file = try MappedFile(path: path)
    guard file.count <= limit else {
      throw .overLimit(.bytes, found: file.count, limit: limit, file: path)
    }
    return Data(file.copy(0..<file.count))
  }

  /// Writes what `body` appends to `path`.
  static func write(
    to path: String, _ body: (borrowing Output) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let output = try Output(for: path)
    try body(output)
    try output.publish()
  }

  /// A file being written, deleted when its lifetime ends unless it was published.
  struct Output: ~Copyable {
    private let draft: FileDraft

    fileprivate init(for path: String) throws(CheckpointError) {
      do { draft = try FileDraft(for: path) } catch { throw CheckpointError(writing: error) }
    }

    borrowing func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError) {
      do { try draft.append(bytes) } catch { throw CheckpointError(writing: error) }
    }

    fileprivate consuming func publish() throws(CheckpointError) {
      do { try draft.publish() } catch { throw CheckpointError(writing: error) }
    }
  }
}

extension CheckpointError {
  /// The error of writing a file.
  init(writing error: FileError) {
    switch error {
    case .refused(let operation, let path, let code):
      let words =
        switch operation {
        case .create: "creating a file in its folder"
        case .rename: "renaming"
        case .sync: "flushing"
        default: "writing"
        }
      self = .cannotWrite(path: path, operation: words, code: code)
    case .unexpected(let path, _): self = .notAFile(path: path)
    }
  }
}
