internal import Glibc

/// The processors that this process may use.
public enum Processors {
  /// As many as the scheduler's affinity mask has, and no more than the container's quota of time pays for; at least 1.
  public static var available: Int { max(1, min(affinity, ControlGroup.processors ?? affinity)) }

  /// The bits of the mask that `sched_getaffinity` gives, which the kernel also writes down: `Cpus_allowed: f,ffffffff`.
  private static var affinity: Int {
    let line = linesOfKernelFile("/proc/self/status").first { $0.hasPrefix("Cpus_allowed:") }
    let count = (line ?? "").drop { $0 != ":" }.reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
    return count > 0 ? count : Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
  }
}

/// What the control groups of the process allow, in either version of the kernel's interface.
///
/// Source: the kernel's Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst.
enum ControlGroup {
  /// Processors that the quota of time pays for, rounded up; nil if there is no quota.
  static var processors: Int? {
    let quotas = folders(controller: "cpu").compactMap { folder -> Int? in
      if let line = firstLine("\(folder)/cpu.max") { return processors(quota: line) }
      guard let quota = firstLine("\(folder)/cpu.cfs_quota_us"), let period = firstLine("\(folder)/cpu.cfs_period_us")
      else { return nil }
      return processors(quota: "\(quota) \(period)")
    }
    return quotas.min()
  }

  /// Bytes of memory that the group may hold; nil if there is no limit.
  static var memory: Int? {
    folders(controller: "memory").compactMap { folder in
      (firstLine("\(folder)/memory.max") ?? firstLine("\(folder)/memory.limit_in_bytes")).flatMap { Int($0) }
    }.min()
  }

  /// `200000 100000` is 2; `max 100000` and `-1 100000` are no quota.
  static func processors(quota: String) -> Int? {
    let parts = quota.split(separator: " ").map { Int($0) }
    guard parts.count == 2, let time = parts[0], let period = parts[1], time > 0, period > 0 else { return nil }
    return max(1, time / period + (time % period > 0 ? 1 : 0))
  }

  /// The group's folder and those above it, as far as they can be seen.
  private static func folders(controller: String) -> [String] {
    var folders: [String] = []
    for line in linesOfKernelFile("/proc/self/cgroup") {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let controllers = parts[1].split(separator: ",")
      guard parts[0] == "0" || controllers.contains(Substring(controller)) else { continue }
      let root = parts[0] == "0" ? "/sys/fs/cgroup" : "/sys/fs/cgroup/\(controller)"
      var names = parts[2].split(separator: "/")
      while true {
        folders.append(([Substring(root)] + names).joined(separator: "/"))
        if names.popLast() == nil { break }
      }
    }
    return folders
  }

  private static func firstLine(_ path: String) -> String? { linesOfKernelFile(path).first }
}

/// The lines of a small file of the kernel; none if it cannot be read.
private func linesOfKernelFile(_ path: String) -> [String] {
  guard let file = fopen(path, "re") else { return [] }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 14)
  let count = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").map(String.init)
}
