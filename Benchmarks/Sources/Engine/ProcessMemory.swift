internal import Foundation
internal import Synchronization

/// This process's memory, as the kernel counts it.
struct ProcessMemory {
  private let fields: [Substring: Int]

  /// Reads `/proc/self/status`.
  init() {
    let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    fields = text.split(separator: "\n").reduce(into: [:]) { fields, line in
      let words = line.split { $0 == ":" || $0 == "\t" || $0 == " " }
      if words.count == 3, words[2] == "kB" { fields[words[0]] = Int(words[1]) }
    }
  }

  /// Resident now, in MB of 2²⁰ bytes.
  var resident: Double { megabytes("VmRSS") }
  /// The part of `resident` that is not a file's.
  var anonymous: Double { megabytes("RssAnon") }
  /// The part of `resident` that is mapped from files, such as the checkpoint's.
  var mapped: Double { megabytes("RssFile") }
  /// The most that was resident at a time since the start, or since the peak was forgotten.
  var peak: Double { megabytes("VmHWM") }

  private func megabytes(_ name: Substring) -> Double { (Double(fields[name] ?? 0) / 102.4).rounded() / 10 }

  /// Lets the peak start again from what is resident now.
  static func forgetPeak() throws {
    try Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
  }

  /// The most anonymous memory that is seen during `body`, by looking every few milliseconds.
  static func anonymousPeak(_ body: () throws -> Void) rethrows -> Double {
    let watch = Watch()
    Thread.detachNewThread { watch.run() }
    defer { watch.isOver.store(true, ordering: .relaxed) }
    try body()
    return watch.peak.load(ordering: .relaxed)
  }

  private final class Watch: Sendable {
    let isOver = Atomic(false)
    let peak = Atomic(0.0)

    func run() {
      while !isOver.load(ordering: .relaxed) {
        let now = ProcessMemory().anonymous
        if now > peak.load(ordering: .relaxed) { peak.store(now, ordering: .relaxed) }
        usleep(5_000)
      }
    }
  }
}
