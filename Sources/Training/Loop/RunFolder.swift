internal import Checkpoints
internal import FoundationEssentials
internal import Glibc

/// The output folder of a run, used by one process at a time.
///
/// - `recipe.json`: the recipe of the run, from which it can be repeated.
/// - `training-state.safetensors`: the state from which the run is resumed (``StateFile``).
/// - `log.jsonl`: one line per step and evaluation (``RunLog``).
/// - `curves.svg`: plots of the log (``TrainingPlot``).
/// - `summary.json`: the result of the run.
struct RunFolder {
  let path: String
  let log: RunLog

  var statePath: String { "\(path)/\(StateFile.name)" }
  var plotPath: String { "\(path)/\(Self.plot)" }
  var summaryPath: String { "\(path)/\(Self.summary)" }
  var recipePath: String { "\(path)/\(Self.recipe)" }

  private static let plot = "curves.svg"
  private static let summary = "summary.json"
  private static let recipe = "recipe.json"
  /// The files that ``AtomicFile`` writes.
  private static let written = [StateFile.name, plot, summary, recipe]

  /// Creates the folder unless it exists, and locks it for this process.
  ///
  /// - Throws: `checkpoint` on a system error, `folderInUse`.
  init(_ path: String) throws(TrainingError) {
    self.path = path
    try Self.make(path)
    log = try RunLog("\(path)/log.jsonl", folder: path)
    removeLeftovers()
  }

  var hasState: Bool { access(statePath, F_OK) == 0 }

  /// Writes a small file, completely or not at all.
  func write(_ text: String, to path: String) throws(TrainingError) {
    do throws(CheckpointError) { try AtomicFile.write(Data(text.utf8), to: path) } catch { throw .checkpoint(error) }
  }

  private static func make(_ path: String) throws(TrainingError) {
    if path.isEmpty || access(path, F_OK) == 0 { return }
    if let slash = path.lastIndex(of: "/") { try make(String(path[..<slash])) }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw .checkpoint(.cannotWrite(path: path, operation: "making the folder", code: errno))
    }
  }

  /// Deletes temporary files left by a killed process.
  private func removeLeftovers() {
    guard let folder = opendir(path) else { return }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    for name in names where name.hasSuffix(".tmp") && Self.written.contains(where: { name.hasPrefix(".\($0).") }) {
      unlink("\(path)/\(name)")
    }
  }
}
