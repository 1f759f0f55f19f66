import AdapterHost
import Foundation
import TestSupport
import Testing

/// The program is killed while it changes a registry. Afterwards the registry
/// opens, nothing is lost, and every adapter is wholly there or wholly absent.
@Suite struct KilledWriterTests {
  /// How many times; `REGISTRY_STRESS=500 swift test` is the long form.
  static let kills = Int(ProcessInfo.processInfo.environment["REGISTRY_STRESS"] ?? "") ?? 12

  private static let commands: [[String]] = [
    ["import", "Adapters/truecase", "--as", "imported"], ["activate", "Parallel(truecase, debian-section)"],
    ["rename", "imported", "renamed"], ["tag", "renamed", "a"], ["remove", "renamed", "--yes"],
  ]

  @Test func `Killed at any moment nothing is lost`() throws {
    let place = try Workplace()
    let source = place.outside("source")
    try FileManager.default.copyItem(atPath: place.path("Adapters/truecase"), toPath: source)
    let commands = Self.commands.map { $0.map { $0 == "Adapters/truecase" ? source : $0 } }
    let durations = try commands.map(place.microseconds)
    var (kills, round) = (0, 0)
    // A command that was done before it could be killed does not count; some are on any machine.
    while kills < Self.kills, round < 20 * Self.kills {
      let index = round % commands.count
      try prepare(place, for: index, commands)
      let delay = UInt32.random(in: 0...UInt32(durations[index]))
      if try place.kill(commands[index], after: delay) { kills += 1 }
      try expectNothingLost(in: place, after: "\(commands[index]) for \(delay) µs, round \(round)")
      round += 1
    }
    #expect(kills == Self.kills)
    #expect(try place.run("repair").exitCode == 0)
    #expect(try place.run("verify").exitCode == 0)
    let names = try FileManager.default.contentsOfDirectory(atPath: place.path("Adapters"))
    #expect(names.allSatisfy { !$0.hasPrefix(".incoming-") })
    #expect(try place.adapters().filter { Workplace.shipped.contains($0) } == Workplace.shipped)
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

  /// Leaves the registry as the command expects it.
  private func prepare(_ place: Workplace, for index: Int, _ commands: [[String]]) throws {
    _ = try place.run("repair")
    let names = try place.adapters()
    for name in names where !Workplace.shipped.contains(name) {
      #expect(try place.run("remove", name, "--yes").exitCode == 0)
    }
    if index >= 2 { #expect(try place.run(commands[0]).exitCode == 0) }
    if index >= 3 { #expect(try place.run(commands[2]).exitCode == 0) }
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
    let adapters = try registry.adapters()
    #expect(Set(adapters.map(\.name)).isSuperset(of: Workplace.shipped), "\(what)")
    let model = try registry.model()
    for record in adapters where !Workplace.shipped.contains(record.name) {
      #expect(throws: Never.self, "\(what)") { try AdapterDescription.read(record.path, for: model) }
    }
  }
}
