import Checkpoints
import Files
import Foundation
import Testing

@testable import Hub

@Suite struct ArchiveTests {
  let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path() + "/hub-tests-\(UUID().uuidString)"
    try FileSystem.makeFolders(folder)
  }

  /// Unpacks an archive; the files by their paths.
  private func unpack(_ bytes: [UInt8]) throws -> [String: String] {
    let target = "\(folder)/\(UUID().uuidString)"
    let path = "\(folder)/archive"
    try Data(bytes).write(to: URL(filePath: path))
    do { try Archive(path: path, name: "https://host/archive").unpack(into: target) } catch {
      // Nothing of it is left.
      #expect(
        try FileSystem.names(in: folder).filter { $0 != "archive" && FileSystem.kind(of: "\(folder)/\($0)") == nil }
          == [])
      #expect(!FileSystem.exists(target))
      throw error
    }
    var files: [String: String] = [:]
    for case let path as String in FileManager.default.enumerator(atPath: target) ?? .init() {
      guard FileSystem.kind(of: "\(target)/\(path)") == .file else { continue }
      files[path] = try String(contentsOfFile: "\(target)/\(path)", encoding: .utf8)
    }
    return files
  }

  private func refusal(_ bytes: [UInt8]) -> String {
    do { return "\(try unpack(bytes))" } catch { return "\(error)" }
  }

  private let good = [Entry("a/config.json", "{}"), Entry("a/b/weights", "12345"), Entry("empty", "")]
  private let expected = ["a/config.json": "{}", "a/b/weights": "12345", "empty": ""]

  @Test func zipAndTarAreUnpacked() throws {
    #expect(try unpack(Zip(good).bytes) == expected)
    #expect(try unpack(Zip(good, isDeflated: true).bytes) == expected)
    #expect(try unpack(Zip(good, comment: "a commit").bytes) == expected)
    #expect(try unpack(Zip([Entry("a/", "")] + good).bytes) == expected)
    #expect(try unpack(tar(good)) == expected)
    #expect(try unpack(tar([Entry("./", "", kind: "5"), Entry("./a/x", "1")])) == ["a/x": "1"])
  }

  @Test func longNamesOfTarAreRead() throws {
    let long = String(repeating: "n", count: 120)
    #expect(try unpack(tar([Entry("././@LongLink", long + "\0", kind: "L"), Entry("short", "1")])) == [long: "1"])
    let record = "path=\(long)\n"
    let pax = "\(record.count + 4) \(record)"
    #expect(try unpack(tar([Entry("header", pax, kind: "x"), Entry("short", "1")])) == [long: "1"])
  }

  @Test(arguments: ["../x", "/x", "a/../../x", "a//x", "a/./x", "..", "a\\..\\x", "a/\u{1B}[2J", ""])
  func aNameThatLeadsOutIsRefused(_ name: String) {
    for bytes in [tar([Entry("good", "1"), Entry(name, "2")]), Zip([Entry("good", "1"), Entry(name, "2")]).bytes] {
      #expect(refusal(bytes).contains("is refused"), "\(name)")
    }
    let record = "path=\(name)\n"
    if !name.isEmpty {
      #expect(
        refusal(tar([Entry("h", "\(record.utf8.count + 3) \(record)", kind: "x"), Entry("short", "1")])).contains(
          "refused"))
    }
  }

  @Test(arguments: ["1", "2", "3", "4", "6", "S"])
  func linksAndDevicesOfTarAreRefused(_ kind: String) {
    #expect(refusal(tar([Entry("good", "1"), Entry("link", "", kind: kind)])).contains("is refused"))
  }

  @Test func linksOfZipAreRefused() {
    #expect(
      refusal(Zip([Entry("good", "1"), Entry("link", "/etc/passwd", mode: 0o120777)]).bytes).contains(
        "link or a device"))
  }

  @Test func twoEntriesOfANameAreRefused() {
    #expect(refusal(tar([Entry("a", "1"), Entry("./a", "2")])).contains("two entries called 'a'"))
    #expect(refusal(Zip([Entry("a", "1"), Entry("a", "2")]).bytes).contains("refused"))
    #expect(refusal(tar([Entry("a", "1"), Entry("a/b", "2")])).contains("a"))
  }

  @Test func whatGrowsBeyondMeasureIsRefused() {
    var bomb = Entry("bomb", "1")
    bomb.claimedSize = 1 << 40
    #expect(refusal(tar([bomb])).contains("bytes together"))
    #expect(refusal(Zip([bomb], isDeflated: true).bytes).contains("bytes together"))
    bomb.claimedSize = 0
    #expect(refusal(Zip([bomb], isDeflated: true).bytes).contains("larger than its header says"))
    let many = (0...Archive.entryLimit).map { _ in Entry("d/", "", kind: "5") }
    #expect(refusal(tar(many)).contains("more than 10000 entries"))
  }

  @Test func damagedArchivesAreRefused() {
    let whole = tar(good)
    #expect(refusal(Array(whole.prefix(600))).contains("early"))
    var wrong = whole
    wrong[3] ^= 1
    #expect(refusal(wrong).contains("damaged"))
    #expect(refusal(Array("something else".utf8)).contains("is refused"))
    #expect(refusal([]).contains("holds no file"))
    let zip = Zip(good).bytes
    #expect(refusal(Array(zip.dropLast(5))).contains("is refused"))
    var changed = zip
    changed[30 + "a/config.json".count] ^= 1
    #expect(refusal(changed).contains("checksum"))
  }

  @Test func anArchiveOnTheWebIsAFolder() async throws {
    let archive = tar([Entry("top/adapter_config.json", "{}")])
    let server = try TestServer { request in
      switch request.path {
      case "/good.tar": TestAnswer(200, [:], archive)
      case "/moved.zip": TestAnswer(302, ["Location": "/good.tar"])
      case "/page.zip": .page
      case "/bare.zip": TestAnswer(200, [:], "<html>page</html>".utf8)
      case "/cut.tar": TestAnswer(200, [:], archive, cut: 100)
      default: TestAnswer(404)
      }
    }
    func fetch(_ name: String, _ more: [String: String] = [:]) async throws -> FetchedFolder {
      let environment = ["HF_HOME": folder, "HF_TOKEN": "hf_secret"].merging(more) { $1 }
      let settings = try HubSettings(environment: environment)
      let hub = Hub(settings, NetworkTransport(settings.proxies)) { _ in }
      return try await hub.folder(of: "\(server.address)/\(name)", wanted: { $0 })
    }
    for name in ["good.tar", "moved.zip"] {
      let fetched = try await fetch(name)
      #expect(fetched.path.hasSuffix("/\(ContentDigest(of: archive))/top"))
      #expect(try String(contentsOfFile: "\(fetched.path)/adapter_config.json", encoding: .utf8) == "{}")
      #expect(fetched.name == String(name.prefix { $0 != "." }))
    }
    #expect(server.log.allSatisfy { $0.token == nil })
    #expect(try await fetch("good.tar", ["HF_HUB_OFFLINE": "1"]).name == "good")
    for (name, words) in [
      ("page.zip", "a page for a browser"), ("bare.zip", "page"), ("cut.tar", "cannot be reached"),
      ("absent.zip", "404"),
    ] {
      let error = await #expect(throws: HubError.self) { try await fetch(name) }
      #expect(error.map { "\($0)".contains(words) } ?? false, "\(name)")
    }
    #expect(try FileSystem.names(in: "\(folder)/adapter-host").count == 2)
  }
}

/// An entry of an archive that is made for a test.
struct Entry {
  let name: String
  let content: [UInt8]
  let kind: String
  let mode: UInt32
  /// In place of the true size.
  var claimedSize: Int?

  init(_ name: String, _ content: String, kind: String = "0", mode: UInt32 = 0o100644) {
    (self.name, self.content, self.kind, self.mode) = (name, Array(content.utf8), kind, mode)
  }
}

/// A tar archive of POSIX.
func tar(_ entries: [Entry]) -> [UInt8] {
  var bytes: [UInt8] = []
  for entry in entries {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at place: Int) { header.replaceSubrange(place..<place + text.utf8.count, with: text.utf8) }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    put(entry.name, at: 0)
    put("0000644\0", at: 100)
    let size = entry.claimedSize ?? entry.content.count
    if size < 1 << 33 {
      put(octal(size, 11), at: 124)
    } else {
      header[124] = 0x80
      for index in 0..<8 { header[128 + index] = UInt8(truncatingIfNeeded: size >> (56 - 8 * index)) }
    }
    put("        ", at: 148)
    put(entry.kind, at: 156)
    put("ustar\0", at: 257)
    put("00", at: 263)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0 ", at: 148)
    bytes += header + entry.content
    bytes += [UInt8](repeating: 0, count: (512 - entry.content.count % 512) % 512)
  }
  return bytes + [UInt8](repeating: 0, count: 1024)
}

/// A zip archive; deflated entries have one block that is not compressed.
struct Zip {
  let bytes: [UInt8]

  init(_ entries: [Entry], isDeflated: Bool = false, comment: String = "") {
    var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
    func little(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian, Array.init) }
    for entry in entries {
      let length = UInt16(entry.content.count)
      let stored = isDeflated ? [1] + little(length) + little(~length) + entry.content : entry.content
      var checksum = Checksum()
      entry.content.withUnsafeBytes { checksum.update($0) }
      let size = UInt32(clamping: entry.claimedSize ?? entry.content.count)
      let (method, name) = (UInt16(isDeflated ? 8 : 0), Array(entry.name.utf8))
      let common =
        little(UInt16(20)) + little(UInt16(0)) + little(method) + little(UInt32(0)) + little(checksum.value)
        + little(UInt32(stored.count)) + little(min(size, 0xFFFF_FFFE)) + little(UInt16(name.count)) + little(UInt16(0))
      directory +=
        little(UInt32(0x0201_4B50)) + [20, 3] + common + little(UInt16(0)) + little(UInt16(0)) + little(UInt16(0))
      directory += little(entry.mode << 16) + little(UInt32(bytes.count)) + name
      bytes += little(UInt32(0x0403_4B50)) + common + name + stored
    }
    let count = UInt16(entries.count)
    let end =
      little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(count) + little(count) + little(UInt32(directory.count))
      + little(UInt32(bytes.count)) + little(UInt16(comment.utf8.count)) + Array(comment.utf8)
    self.bytes = bytes + directory + end
  }
}
