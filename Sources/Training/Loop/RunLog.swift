internal import Checkpoints
internal import FoundationEssentials
internal import Glibc

/// The log of a run: JSON Lines, one line per step and evaluation.
///
///     {"event": "step", "step": 1, "epoch": 1, "loss": 0.69, "learning_rate": 0.001, "gradient_norm": 2.1,
///      "tokens": 512, "seconds": 1.2}
///     {"event": "evaluation", "step": 50, "epoch": 1, "metrics": {"accuracy": 0.9}, "primary": "accuracy",
///      "best": true}
///
/// Steps and epochs count from 1. A line is written completely or not at all. The file is locked while the value lives.
final class RunLog {
  private let path: String
  private let descriptor: Int32
  private var size = 0

  /// Opens or creates the log.
  ///
  /// - Throws: `checkpoint`, `folderInUse`.
  init(_ path: String, folder: String) throws(TrainingError) {
    self.path = path
    descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .checkpoint(.cannotWrite(path: path, operation: "opening", code: errno)) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .folderInUse(path: folder) }
    size = Int(lseek(descriptor, 0, SEEK_END))
  }

  deinit {
    // A child process being started may hold a copy of the descriptor, which would keep the lock a little longer.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Drops the lines after a step, and an incomplete line.
  ///
  /// - Returns: the loss of each remaining step.
  func keep(through step: Int) throws(TrainingError) -> [TrainingPlot.Point] {
    let bytes = try read()
    var losses: [TrainingPlot.Point] = []
    var kept = 0
    while let end = bytes[kept...].firstIndex(of: UInt8(ascii: "\n")) {
      guard let value = try? JSONValue(Data(bytes[kept..<end]), file: path),
        let fields = try? ConfigurationFields(value, file: path),
        let found = try? fields.integer("step", in: 0...Int.max), found <= step
      else { break }
      if case .string("step") = value[member: "event"] {
        losses.append(TrainingPlot.Point(step: found, value: value[member: "loss"]?.double ?? .nan))
      }
      kept = end + 1
    }
    try truncate(to: kept)
    return losses
  }

  func add(_ report: StepReport) throws(TrainingError) {
    try append([
      "event": .string("step"), "step": .integer(report.step), "epoch": .integer(report.epoch + 1),
      "loss": .short(report.loss), "learning_rate": .number(report.learningRate),
      "gradient_norm": .short(Float(report.gradientNorm)), "tokens": .integer(report.tokens),
      "seconds": .number((report.seconds * 1000).rounded() / 1000),
    ])
  }

  func add(_ report: EvaluationReport, isBest: Bool) throws(TrainingError) {
    try append([
      "event": .string("evaluation"), "step": .integer(report.step), "epoch": .integer(report.epoch + 1),
      "metrics": report.result.json, "primary": .string(report.result.primary.name), "best": .bool(isBest),
    ])
  }

  /// Syncs appended lines to disk.
  func flush() throws(TrainingError) {
    guard fsync(descriptor) == 0 else { throw failure("flushing") }
  }

  private func append(_ members: [String: JSONValue]) throws(TrainingError) {
    let line = Array((JSONValue.object(members).line + "\n").utf8)
    let written = line.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, $0.count, off_t(size)) }
    guard written == line.count else {
      let error = failure("writing", code: written < 0 ? errno : ENOSPC)
      try truncate(to: size)
      throw error
    }
    size += line.count
  }

  private func truncate(to size: Int) throws(TrainingError) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw failure("cutting off") }
    self.size = size
  }

  private func read() throws(TrainingError) -> [UInt8] {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, initialized in
      while initialized < size {
        count = pread(descriptor, buffer.baseAddress.map { $0 + initialized }, size - initialized, off_t(initialized))
        if count <= 0 { break }
        initialized += count
      }
    }
    guard count >= 0 else { throw .checkpoint(.cannotRead(path: path, code: errno)) }
    return bytes
  }

  private func failure(_ operation: String, code: Int32 = errno) -> TrainingError {
    .checkpoint(.cannotWrite(path: path, operation: operation, code: code))
  }
}

extension JSONValue {
  /// The shortest decimal that identifies the float.
  static func short(_ value: Float) -> JSONValue { .number(Double("\(value)") ?? Double(value)) }

  /// A member of an object.
  fileprivate subscript(member key: String) -> JSONValue? {
    if case .object(let members) = self { members[key] } else { nil }
  }
}
