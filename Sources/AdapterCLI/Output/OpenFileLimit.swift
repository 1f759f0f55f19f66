internal import AdapterHost
internal import Foundation

/// How many files the process may have open.
enum OpenFileLimit {
  /// What a command has open at a time, some more included: SQLite, GRDB and Foundation end the process where they find
  /// no descriptor.
  private static let needed = 32

  /// Sees to it that a command can open its files.
  ///
  /// - Throws: `OpenFileShortage`, if the system grants fewer than are needed.
  static func require() throws(OpenFileShortage) {
    if isEnough { return }
    // Whoever set a low limit may have left room below the hard one.
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    if getrlimit(kind, &limit) == 0, limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = min(limit.rlim_max, 1024)
      _ = setrlimit(kind, &limit)
      if isEnough { return }
    }
    throw OpenFileShortage(limit: Int(clamping: UInt64(limit.rlim_cur)), needed: needed)
  }

  /// Whether so many more files can be opened: it is tried, since whoever started the process may have left files open.
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
