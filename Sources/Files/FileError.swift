import Glibc

/// Why a file operation failed.
public enum FileError: Error, Hashable, Sendable {
  /// The system refused it; `code` is its `errno`.
  case refused(FileOperation, path: String, code: Int32)
  /// The entry has an unexpected type; `reason` ends a sentence that begins with the path.
  case unexpected(path: String, reason: String)

  /// Whether the disk or the user's quota is full.
  public var isDiskFull: Bool {
    if case .refused(_, _, let code) = self { [ENOSPC, EDQUOT].contains(code) } else { false }
  }

  /// The path.
  public var path: String {
    switch self {
    case .refused(_, let path, _), .unexpected(let path, _): path
    }
  }

  /// The reason, without the path.
  public var reason: String {
    switch self {
    case .refused(_, _, let code): String(cString: strerror(code))
    case .unexpected(_, let reason): reason
    }
  }

  /// The error for the current `errno`.
  static func failed(_ operation: FileOperation, _ path: String) -> FileError {
    .refused(operation, path: path, code: errno)
  }
}

/// The operation that failed.
public enum FileOperation: String, Hashable, Sendable, Codable {
  case read, write, create, rename, remove, sync, lock
}

extension FileError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .refused(let operation, let path, _): "Cannot \(operation.rawValue) '\(path)': \(reason)."
    case .unexpected(let path, let reason): "'\(path)' \(reason)."
    }
  }
}
