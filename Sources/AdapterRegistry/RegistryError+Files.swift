internal import Files
import Glibc

/// Runs `body` and says in a ``RegistryError`` why it failed.
func onFiles<T>(_ body: () throws(FileError) -> T) throws(RegistryError) -> T {
  do { return try body() } catch { throw RegistryError(error) }
}

extension RegistryError {
  init(_ error: FileError) {
    switch error {
    case _ where error.isDiskFull: self = .diskFull(path: error.path)
    case .refused(.lock, let path, EWOULDBLOCK): self = .busy(path: path, seconds: RegistryConnection.patience)
    case .refused(let operation, let path, _): self = .file(path: path, operation: operation, reason: error.reason)
    case .unexpected(let path, let reason): self = .unexpectedEntry(path: path, reason: reason)
    }
  }
}
