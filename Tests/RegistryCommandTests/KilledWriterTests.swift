import AdapterHost
import Foundation
import TestSupport
import Testing

/// The program is killed while it changes a registry. Afterwards the registry
/// opens, nothing is lost, and every adapter is wholly there or wholly absent.
@Suite struct KilledWriterTests {
  /// How many times; `REGISTRY_STRESS=500 swift test` is the long form.
  static let kills = Int(ProcessInfo.processInfo.environment["REGISTRY_STRESS"] ?? "") ?? 12

  /// Every command that changes a registry. SOURCE and MODEL are folders outside it.
  private static let commands: [[String]] = [
    ["import", "SOURCE", "--as", "new"], ["add", "new", "--config", "lora[r=1]"],
    ["activate", "Parallel(truecase, debian-section)"], ["deactivate"], ["rename", "extra", "renamed"],
    ["tag", "extra", "a", "b"], ["remove", "extra", "--yes"], ["setups", "save", "new", "Stack(truecase, extra)"],
    ["setups", "remove", "saved"], ["models", "register", "MODEL", "--as", "third"],
    ["models", "rename", "second", "other"],
    ["models", "default", "second"], ["models", "remove", "second", "--with-adapters", "--yes"], ["repair"],
  ]

  /// A workplace with something to change for each command, and a copy of it to begin from again.
  private func prepared() throws -> (place: Workplace, start: String, commands: [[String]]) {
    let place = try Workplace()
    let (source, model) = (place.outside("source"), place.outside("model"))
    try FileManager.default.copyItem(atPath: place.path("Adapters/truecase"), toPath: source)
    try FileManager.default.copyItem(atPath: place.path("Models/deberta-v3-tiny-en"), toPath: model)
    for command in [
      ["import", source, "--as", "extra"], ["setups", "save", "saved", "Parallel(truecase, wordnet-domain)"],
      ["models", "register", model, "--as", "second"], ["import", source, "--as", "of-second", "--model", "second"],
    ] {
      let outcome = try place.run(command)
      #expect(outcome.exitCode == 0, "\(command): \(outcome)")
    }
    // One base model of a folder: another copy is registered as the third.
    try FileManager.default.copyItem(atPath: model, toPath: place.outside("third"))
    try FileManager.default.copyItem(atPath: source, toPath: place.path("Adapters/stray"))
    let start = place.outside("start")
    try FileManager.default.createDirectory(atPath: start, withIntermediateDirectories: false)
    for name in Self.parts { try FileManager.default.copyItem(atPath: place.path(name), toPath: "\(start)/\(name)") }
    let folders = ["SOURCE": source, "MODEL": place.outside("third")]
    return (place, start, Self.commands.map { $0.map { folders[$0] ?? $0 } })
  }

  private static let parts = ["registry.sqlite", "Adapters"]

  private func restore(_ place: Workplace, from start: String) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: place.path)
    where Self.parts.contains(where: name.hasPrefix) {
      try FileManager.default.removeItem(atPath: place.path(name))
    }
    for name in Self.parts { try FileManager.default.copyItem(atPath: "\(start)/\(name)", toPath: place.path(name)) }
  }

  @Test func `Killed at any moment nothing is lost, whatever the command`() throws {
    let (place, start, commands) = try prepared()
    var durations: [Double] = []
    for command in commands {
      try restore(place, from: start)
      durations.append(try place.microseconds(command))
    }
    var (kills, round) = (0, 0)
    // A command that was done before it could be killed does not count; some are on any machine.
    while kills < Self.kills, round < 20 * Self.kills {
      let index = round % commands.count
      try restore(place, from: start)
      let delay = UInt32.random(in: 0...UInt32(durations[index]))
      if try place.kill(commands[index], after: delay) { kills += 1 }
      let what = "\(commands[index]) for \(delay) µs, round \(round)"
      try expectNothingLost(in: place, after: what)
      // Whatever is left is put right by one repair.
      let repair = try place.run("repair")
      #expect(repair.exitCode == 0, "\(what): \(repair)")
      let verified = try place.run("verify")
      #expect(verified.exitCode == 0, "\(what): \(verified)")
      let names = try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters"))
      #expect(names.allSatisfy { !$0.hasPrefix(".incoming-") && !$0.hasPrefix(".removed-") }, "\(what): \(names)")
      round += 1
    }
    #expect(kills == Self.kills)
  }

  @Test func `Killed while it merges, the folder is wholly there or not at all`() throws {
    let place = try Workplace()
    let duration = try place.microseconds(["merge", "debian-facets", place.outside("first")])
    for round in 0..<max(4, Self.kills / 10) {
      let folder = place.outside("merged-\(round)")
      let delay = UInt32.random(in: 0...UInt32(duration))
      _ = try place.kill(["merge", "debian-facets", folder], after: delay)
      if FileManager.default.fileExists(atPath: folder) {
        #expect(throws: Never.self, "after \(delay) µs") { try ModelDescription.read(folder) }
      }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: place.outside(""))
    #expect(names.allSatisfy { !$0.hasPrefix(".") || $0.hasSuffix(".tmp") })
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
  func `A command that is told to end leaves nothing, and says so by its exit code`(_ signal: Int32) throws {
    let place = try Workplace()
    let source = place.outside("source")
    try FileManager.default.copyItem(atPath: place.path("Adapters/wordnet-domain"), toPath: source)
    let commands = [["merge", "debian-facets", place.outside("out")], ["import", source, "--as", "new"]]
    let before = try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters")).sorted()
    var stopped = 0
    for command in commands {
      let duration = try place.microseconds(command)
      if command[0] == "merge" { try FileManager.default.removeItem(atPath: place.outside("out")) }
      if command[0] == "import" { #expect(try place.run("remove", "new", "--yes").exitCode == 0) }
      for part in [0.3, 0.6, 0.8, 0.9] {
        let code = try place.end(command, with: signal, after: UInt32(part * duration))
        #expect([0, 128 + signal].contains(code), "\(command): \(code)")
        if code != 0 { stopped += 1 }
        let names = try FileManager.default.contentsOfDirectory(atPath: place.outside(""))
        #expect(names.allSatisfy { !$0.hasPrefix(".") }, "\(names)")
        try? FileManager.default.removeItem(atPath: place.outside("out"))
        _ = try place.run("remove", "new", "--yes")
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters")).sorted() == before)
      }
    }
    #expect(stopped > 0)
    #expect(try place.run("verify").exitCode == 0)
  }

  @Test func `Killed while it exports, the folder is wholly there or not at all`() throws {
    let place = try Workplace()
    let model = try Registry.open(path: place.path("registry.sqlite"), for: .reading).model()
    let duration = try place.microseconds(["export", "truecase", place.outside("first")])
    var (kills, round, published) = (0, 0, 0)
    while kills < Self.kills, round < 20 * Self.kills {
      let folder = place.outside("export-\(round)")
      let delay = UInt32.random(in: 0...UInt32(duration))
      if try place.kill(["export", "truecase", folder], after: delay) { kills += 1 }
      if FileManager.default.fileExists(atPath: folder) {
        published += 1
        let (name, description) = try AdapterDescription.read(folder, for: model)
        #expect(name == "truecase" && description.head?.labels.count == 3, "after \(delay) µs")
      }
      round += 1
    }
    #expect(kills == Self.kills)
    let names = try FileManager.default.contentsOfDirectory(atPath: place.outside(""))
    #expect(names.count { $0.hasPrefix("export-") } == published)
    #expect(names.allSatisfy { !$0.hasPrefix(".") || $0.hasSuffix(".tmp") })
  }

  /// Leftovers that belong to nothing may lie about; what has a row is whole, and can be read.
  private func expectNothingLost(in place: Workplace, after what: String) throws {
    let registry = try Registry.open(path: place.path("registry.sqlite"), for: .reading)
    let lost = try registry.verify().filter { finding in
      switch finding {
      case .strayFolder, .abandonedImport, .unfinishedRemoval: false
      default: true
      }
    }
    #expect(lost.isEmpty, "\(what): \(lost)")
    let model = try registry.model(named: "deberta-v3-tiny-en")
    let adapters = try registry.adapters(of: model.name)
    #expect(Set(adapters.map(\.name)).isSuperset(of: Workplace.shipped), "\(what)")
    for record in adapters where !Workplace.shipped.contains(record.name) {
      #expect(throws: Never.self, "\(what)") { try AdapterDescription.read(record.path, for: model) }
    }
  }
}
