import Files
import Foundation
import Glibc

/// Makes a named pipe.
func makePipe(_ path: String) throws {
  guard mkfifo(path, 0o666) == 0 else { throw FileError.refused(.create, path: path, code: errno) }
}

/// Becomes a user whom file modes stop, for the rest of this process.
func becomeOrdinaryUser() throws {
  guard geteuid() == 0 else { return }
  guard setgid(65534) == 0, setuid(65534) == 0 else { throw FileError.refused(.lock, path: "/", code: errno) }
}

/// Takes the right to write from everything below a folder.
func makeReadOnly(_ folder: String) throws { try setModes(folder, file: 0o444, folder: 0o555) }

/// Lets everybody write everything below a folder.
func makeWritable(_ folder: String) throws { try setModes(folder, file: 0o666, folder: 0o777) }

private func setModes(_ folder: String, file: mode_t, folder folderMode: mode_t) throws {
  guard chmod(folder, folderMode) == 0 else { throw FileError.refused(.write, path: folder, code: errno) }
  for name in try FileSystem.names(in: folder) {
    let path = "\(folder)/\(name)"
    if FileSystem.kind(of: path) == .folder {
      try setModes(path, file: file, folder: folderMode)
    } else {
      chmod(path, file)
    }
  }
}

/// The signal that no process can catch.
let killSignal = SIGKILL

/// Ends this process at once, without a chance to tidy up.
func killThisProcess() { kill(getpid(), SIGKILL) }

/// Ends this process so after a time in microseconds.
func killThisProcess(after delay: Int) {
  Thread.detachNewThread {
    usleep(UInt32(delay))
    killThisProcess()
  }
}

/// Lets this process write no file that is larger: such a write fails.
func limitFileSize(to byteCount: Int) throws {
  signal(SIGXFSZ, SIG_IGN)
  var limit = rlimit(rlim_cur: rlim_t(byteCount), rlim_max: rlim_t(byteCount))
  let failed = setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) != 0
  if failed { throw FileError.refused(.write, path: "/", code: errno) }
}
