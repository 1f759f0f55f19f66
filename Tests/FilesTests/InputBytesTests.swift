import Files
import Foundation
import TestSupport
import Testing

/// Input that is compressed, or not.
@Suite struct InputBytesTests {
  /// 30,000 lines, as ``text``, compressed with xz.
  private static let xz =
    "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM8AWPARZdADCICkbUZkOsX3s0ToV4xDimgXJd0IsYceawGitI70i/VzDPctYN2DP3"
    + "TDJnIMYEjQ9T/Rsecucw8uhGf+gQ9ud5DI04+cOeKlsn+OZk/BtHYA1R8tbLgU+bgRPP2LxsAYGHMr8ZpdazVFRd/X8jBOT8"
    + "4MuDS3uaQ/CWO8PcH4elRpSWTOrWz6VqCMaefmOPfgOnL7VNRwzRkRGqrWAdus6xJxhcWYbpZlJYvul2rFnk5VsFCPnH2q38"
    + "+1IrdM0eWyBC+d1TPfgpZAk7gMsqbN+1O/DEvS5fqg8+S2ZCkBMO/xCT+HF4WfgLzf+VKEYPqfx83vuaMC5WwI+F84OBwGXE"
    + "JVP49ZE2MQWlsO5vwXBNRkBnOocAAAAAphcM0s2lLAwAAbICkItAAANvzk6xxGf7AgAAAAAEWVo="

  /// Two short texts, each compressed with gzip.
  private static let gzip = [
    "H4sIAAAAAAACA0tUKMosSy3iAgDH+4KZCAAAAA==",
    "H4sIAAAAAAACA0tUyMjMyeECAO3mPTAHAAAA",
  ]

  private static let text = (0..<30_000).map { "a river and a hill, said in line \($0 % 10)\n" }.joined()

  private func bytes(_ base64: String...) throws -> [UInt8] {
    try base64.flatMap { Array(try #require(Data(base64Encoded: $0))) }
  }

  private func read(_ bytes: [UInt8], as name: String = "input", upTo limit: Int = 1_000) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    try Data(bytes).write(to: URL(filePath: folder.path(name)))
    let input = try InputBytes(path: folder.path(name))
    var all: [UInt8] = []
    while case let next = try input.next(upTo: limit), !next.isEmpty {
      #expect(next.count <= limit)
      all += next
    }
    #expect(try input.next(upTo: limit).isEmpty)
    return all
  }

  @Test func `What is not compressed is read as it is, whatever it is called`() throws {
    #expect(try read(Array("text".utf8), as: "a.gz") == Array("text".utf8))
    #expect(try read([0x1F], as: "a.xz") == [0x1F])
    #expect(try read([]) == [])
  }

  @Test(arguments: [100, 100_000, 10_000_000])
  func `A file of xz is read as what was compressed, in blocks of any size`(_ limit: Int) throws {
    let bytes = try bytes(Self.xz)
    #expect(bytes.count < Self.text.utf8.count / 100)
    #expect(try read(bytes, upTo: limit) == Array(Self.text.utf8))
  }

  @Test func `The members of a file of gzip are read one after the other, and zeros at its end are nothing`() throws {
    let bytes = try bytes(Self.gzip[0], Self.gzip[1])
    #expect(try read(bytes) == Array("a river\na hill\n".utf8))
    #expect(try read(bytes + [0, 0, 0], upTo: 3) == Array("a river\na hill\n".utf8))
  }

  @Test func `Compressed data that end early or are damaged are an error`() throws {
    for whole in try [bytes(Self.gzip[0]), bytes(Self.xz)] {
      for bytes in [Array(whole.dropLast(5)), Array(whole.prefix(14))] {
        #expect(throws: FileError.self) { _ = try read(bytes) }
      }
      var changed = whole
      changed[whole.count / 2] ^= 0xFF
      #expect(throws: FileError.self) { _ = try read(changed) }
    }
    #expect(throws: FileError.self) { _ = try read(bytes(Self.gzip[0]) + Array("more".utf8)) }
  }

  @Test func `A file that is not there is an error`() {
    #expect(throws: FileError.self) { _ = try InputBytes(path: "/nowhere/at/all") }
  }

  @Test func `The end of a name says what a file holds, without how it is compressed`() {
    let names = ["a.csv": "csv", "a.b.JSONL.gz": "jsonl", "/x.gz/a.tsv.XZ": "tsv", "data.xz": "xz", "a.gz.gz": "gz"]
    for (name, expected) in names { #expect(FilePaths.contentExtension(of: name) == expected, "\(name)") }
    #expect(FilePaths.contentExtension(of: "/a.csv/data") == nil)
  }
}
