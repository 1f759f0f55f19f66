import Files
import Foundation
import GRDB
import Testing

@testable import AdapterRegistry

/// A child process that repeats one change is killed in the midst of it, again and again. Each kind of change is stopped
/// after it has begun and before it is done with all, which the rounds prove by what they find done.
@Suite struct KillTests {
  /// How often each kind is killed; `REGISTRY_STRESS=500 swift test` is the long form.
  private static let kills = Int(ProcessInfo.processInfo.environment["REGISTRY_STRESS"] ?? "") ?? 6
  /// The adapters that a child has to work on.
  private static let count = 40

  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// A change that a child repeats, with a number.
  enum Change: String, CaseIterable {
    case importing, replacing, removing, renaming, tagging, activating, saving
    /// The same without what makes them safe: each must be caught losing something.
    case importingInPlace, removingFolderFirst

    var isSafe: Bool { self != .importingInPlace && self != .removingFolderFirst }
    var needsAdapters: Bool { ![.importing, .importingInPlace].contains(self) }
  }

  @Test(arguments: Change.allCases.filter(\.isSafe))
  func nothingIsLostWhateverIsKilled(_ change: Change) async throws {
    let outcome = try await killed(change, times: Self.kills)
    #expect(outcome.lost.isEmpty, "\(outcome.lost.prefix(3))")
    #expect(outcome.kills >= Self.kills && outcome.amidst > 0, "\(outcome)")
    if Self.kills > 20 {
      print("\(change.rawValue): \(outcome.kills) kills, \(outcome.amidst) of them amidst the changes")
    }
  }

  @Test(arguments: Change.allCases.filter { !$0.isSafe })
  func aChangeWithoutATransactionIsCaught(_ change: Change) async throws {
    var rounds = 0
    while rounds < 40 {
      if try await !killed(change, times: 4).lost.isEmpty { return }
      rounds += 1
    }
    Issue.record("160 kills found nothing wrong with a change that is not safe")
  }

  private struct Outcome: CustomStringConvertible {
    var kills = 0
    /// Those after some changes, before the last.
    var amidst = 0
    var lost: [String] = []

    var description: String { "\(kills) kills, \(amidst) amidst, lost \(lost)" }
  }

  private func killed(_ change: Change, times: Int) async throws -> Outcome {
    var outcome = Outcome()
    let (path, source) = (scratch.registryPath, try scratch.folder("from/x", Self.files))
    let start = try prepared(change, source)
    // Up to the time that all changes take.
    var longest = 60_000
    // A busy machine may take several times as long.
    while outcome.kills < times || (change.isSafe && outcome.amidst == 0 && outcome.kills < 10 * times) {
      try restore(start)
      let delay = Int.random(in: 0...longest)
      let word = change.rawValue
      await #expect(processExitsWith: .signal(killSignal)) {
        [path = path as String, source = source as String, word = word as String, delay = delay as Int] in
        try work(path, source, word, killedAfter: delay)
      }
      outcome.kills += 1
      let reader = try Registry.open(path: path, for: .reading)
      outcome.lost += try lost(reader).map { "\(delay) µs: \($0)" }
      let done = try reader.log(limit: 1000).count { $0.action == change.action }
      if (1..<Self.count).contains(done) { outcome.amidst += 1 }
      // Most kills are to come amidst the changes.
      longest = done == 0 ? longest * 2 : done >= Self.count - 1 ? longest * 2 / 3 : longest
      guard change.isSafe else { continue }
      let writer = try Registry.open(path: path, for: .writing)
      _ = try writer.repair { _ in .example }
      #expect(try writer.verify() == [], "repaired after \(delay) µs")
      try writer.close()
    }
    return outcome
  }

  private static let files = [
    "adapter_config.json": "{}", "adapter.safetensors": String(repeating: "weights", count: 20_000),
  ]

  /// A registry with what a child needs, in a folder to begin from again.
  private func prepared(_ change: Change, _ source: String) throws -> String {
    let start = "\(scratch.path)/start"
    guard FileSystem.kind(of: start) == nil else { return start }
    let registry = try scratch.registry(adapters: "keep")
    for number in 0..<(change.needsAdapters ? Self.count : 0) {
      try registry.importAdapter(folder: source, as: "x\(number)", describedBy: .example)
    }
    try registry.storage.write { db in try db.execute(sql: "DELETE FROM logEntry") }
    try registry.close()
    try FileManager.default.copyItem(atPath: scratch.home, toPath: start)
    return start
  }

  private func restore(_ start: String) throws {
    try FileManager.default.removeItem(atPath: scratch.home)
    try FileManager.default.copyItem(atPath: start, toPath: scratch.home)
  }

  /// Leftovers that belong to nothing may lie about; what has a row is whole.
  private func lost(_ registry: Registry) throws -> [Finding] {
    let findings = try registry.verify().filter { finding in
      switch finding {
      case .strayFolder, .abandonedImport, .unfinishedRemoval: false
      default: true
      }
    }
    #expect(try registry.adapters().contains { $0.name == "keep" })
    return findings
  }
}

extension KillTests.Change {
  fileprivate var action: LogAction {
    switch self {
    case .importing, .replacing, .importingInPlace: .importAdapter
    case .removing, .removingFolderFirst: .removeAdapter
    case .renaming: .renameAdapter
    case .tagging: .tagAdapter
    case .activating: .activate
    case .saving: .saveSetup
    }
  }
}

/// What a child does until it is killed.
private func work(_ path: String, _ source: String, _ word: String, killedAfter delay: Int) throws {
  let registry = try Registry.open(path: path, for: .writing)
  killThisProcess(after: delay)
  for number in 0..<40 {
    let name = "x\(number)"
    switch KillTests.Change(rawValue: word) {
    case .importing: try registry.importAdapter(folder: source, as: name, describedBy: .example)
    case .replacing:
      try registry.importAdapter(folder: source, as: name, replacing: true) { _ in (name, .example) }
    case .removing: try registry.removeAdapter(name)
    case .renaming: try registry.renameAdapter(name, to: "y\(number)")
    case .tagging: try registry.tag(adapter: name, adding: ["t"])
    case .activating: try registry.activate(name, using: [name])
    case .saving: try registry.saveSetup("s\(number)", expression: name, using: [name])
    case .importingInPlace:
      // The row first, and the files where they will be found.
      let contents = try FolderContents(of: source)
      try registry.storage.write { db in
        let folder = try registry.enter(contents, at: "Adapters/\(name)", db)
        try db.execute(
          sql: """
            INSERT INTO adapter (modelId, name, folderId, method, configuration, parameterCount, notes, source, created, changed)
            VALUES (1, ?, ?, 'lora', '{}', 1, '', '', '2026-01-01 00:00:00.000', '2026-01-01 00:00:00.000')
            """, arguments: [name, folder])
        try registry.note(.importAdapter, model: "tiny", subject: name, db)
      }
      try FileManager.default.copyItem(atPath: source, toPath: "\(registry.adaptersFolder)/\(name)")
    case .removingFolderFirst:
      try FileManager.default.removeItem(atPath: "\(registry.adaptersFolder)/\(name)")
      try registry.removeAdapter(name)
    case nil: return
    }
  }
  // Done before its time: it waits to be killed.
  while true { usleep(1_000_000) }
}
