import Foundation
import Glibc
import TestSupport
import Testing

/// Damaged input is read as something consistent or refused in a sentence; nothing ends the process.
///
/// `FUZZ_COUNT` is the number of inputs for the cheapest readers, and `FUZZ_FIRST` the first of them. The number of the
/// input in work stands in a file `fuzz-READER` of the temporary folder: after a crash it is the culprit's.
@Suite(.serialized) struct FuzzTests {
  private static func setting(_ name: String, _ otherwise: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? otherwise
  }

  @Test(.timeLimit(.minutes(240)), arguments: FuzzedReader.all)
  func `Damaged input is read or refused in a sentence`(_ reader: FuzzedReader) throws {
    let folder = try TemporaryFolder()
    for (name, data) in reader.companions { try data.write(to: URL(filePath: folder.path(name))) }
    try #require(!reader.seeds.isEmpty && reader.seeds.allSatisfy { !$0.isEmpty })

    // Sound input is read, or the mutations would prove nothing.
    for seed in reader.seeds.prefix(1) {
      try Data(seed).write(to: URL(filePath: folder.path(reader.file)))
      try reader.read(folder.path, reader.file)
    }

    let mutations = Mutations(seeds: reader.seeds, tokens: reader.tokens)
    let count = max(1, Self.setting("FUZZ_COUNT", 400) / reader.cost)
    let first = Self.setting("FUZZ_FIRST", 0)
    let memory = Self.peakMegabytes
    var refused = 0
    let place = FileManager.default.temporaryDirectory.appending(path: "fuzz-\(reader.name)").path
    defer { unlink(place) }
    for number in first..<first + count {
      try "\(number)".write(toFile: place, atomically: false, encoding: .utf8)
      let input = mutations[number]
      try Self.write(input, to: folder.path(reader.file))
      do { try reader.read(folder.path, reader.file) } catch {
        refused += 1
        if let fault = error is Disagreement ? "is about our own output" : Self.fault(in: "\(error)") {
          Issue.record("input \(number) of \(reader.name): the message \(fault): \("\(error)".prefix(400))")
        }
      }
    }
    #expect(refused > 0)
    // Inputs have at most some hundred kilobytes.
    #expect(Self.peakMegabytes - memory < 500)
  }

  /// What is wrong with a message for people, if anything.
  private static func fault(in message: String) -> String? {
    if message.isEmpty { return "is empty" }
    if message.contains("Optional(") || message.contains("NSCocoa") || message.contains("DecodingError")
      || message.contains("UserInfo")
    {
      return "is one for programmers"
    }
    guard let last = message.last, ".?!:)'".contains(last), message.contains(" ") else { return "is no sentence" }
    return nil
  }

  /// In place: a new file for each input would cost more than reading it.
  private static func write(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    try #require(written == bytes.count)
  }

  private static var peakMegabytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss >> 10
  }

  @Test func `A number always gives the same input, and other numbers give others`() {
    let mutations = Mutations(seeds: [Array("some text, long enough".utf8)], tokens: ["{"])
    #expect((0..<100).allSatisfy { mutations[$0] == mutations[$0] })
    #expect(Set((0..<100).map { mutations[$0] }).count > 90)
  }
}
