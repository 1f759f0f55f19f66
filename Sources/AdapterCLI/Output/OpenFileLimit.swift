internal import AdapterHost
internal import Foundation

/// The number of files that the process may open.
enum OpenFileLimit {
  /// The descriptors that a command needs at a time, with some spare: SQLite, GRDB and Foundation crash if none is
  /// left.
  private static let needed = 32

  /// Ensures that a command can open its files.
  ///
  /// - Throws: `OpenFileShortage`, if the limit is too low.
  static func require() throws(OpenFileShortage) {
    if isEnough { return }
    // A low soft limit may be below the hard one.
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    if getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = min(limit.rlim_max, 1024)
      _ = setrlimit(kind, &limit)
      if isEnough { return }
    }
    throw OpenFileShortage(limit: Int(clamping: UInt64(limit.rlim_cur)), needed: needed)
  }

  /// Whether enough files can be opened: tested by opening them, because the process may have inherited open files.
  private static var isEnough: Bool {
    var opened: [Int32] = []
    defer { for descriptor in opened { close(descriptor) } }
    for _ in 0..<needed {
      let descriptor = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
      if descriptor < 0 { return false }
      opened.append(descriptor)
    }
    return true
  }
}

/// The process may not open as many files as a command needs.
struct OpenFileShortage: Error, CustomStringConvertible {
  let limit: Int
  let needed: Int

  var description: String {
    "The limit of open files is \(limit), and a command needs \(needed) more than are open now. Raise it, for example with "
      + "'ulimit -n 1024'."
  }
}
