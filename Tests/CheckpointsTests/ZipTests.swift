import Testing

@testable import Checkpoints

@Suite struct ZipTests {
  static let empty = pickle { $0.emptyDict() }

  private func fault(_ entries: [ZipEntry], end: ZipEnd = ZipEnd()) -> ZipFault? {
    refusal(of: zip(entries, end: end))?.zip
  }

  /// Entries of which the second is changed.
  private func entries(_ change: (inout ZipEntry) -> Void = { _ in }) -> [ZipEntry] {
    var second = ZipEntry("archive/version", [0x33, 0x0A])
    change(&second)
    return [ZipEntry("archive/data.pkl", Self.empty), second]
  }

  @Test func aSoundArchiveIsRead() {
    #expect(refusal(of: zip(entries())) == nil)
  }

  @Test func compressedEntriesAreRefused() {
    #expect(fault(entries { $0.method = 8 }) == .compressed("archive/version", method: 8))
    #expect(
      fault(entries { $0.compressedSize = 1 })
        == .headersDisagree(
          "archive/version", field: "the size, though it is not compressed"))
  }

  @Test(arguments: [1, 1 << 6, 1 << 13] as [UInt16])
  func encryptedEntriesAreRefused(_ flag: UInt16) {
    #expect(fault(entries { $0.flags = flag }) == .encrypted("archive/version"))
  }

  @Test func unknownFlagsAreRefused() {
    #expect(fault(entries { $0.flags = 1 << 11 }) == nil)
    #expect(fault(entries { $0.flags = 1 << 5 }) == .unknownFlags("archive/version", flags: 32))
  }

  @Test(arguments: ["../x", "archive/../../x", "/etc/passwd", "a\\..\\b", "..", "a/..", "a\u{0}b", ""])
  func escapingNamesAreRefused(_ name: String) {
    #expect(fault(entries { $0.name = name }) == .escapingName(name))
    #expect(fault(entries { $0.name = "archive/..x" }) == nil)
  }

  @Test func duplicateNamesAreRefused() {
    #expect(fault(entries { $0.name = "archive/data.pkl" }) == .duplicateName("archive/data.pkl"))
  }

  @Test func overlappingEntriesAreRefused() {
    // Two central headers that point at one local header.
    let first = ZipEntry("archive/data.pkl", Self.empty)
    let body = first.local()
    var hidden = ZipEntry("archive/inner", Self.empty)
    hidden.offset = 0
    hidden.localName = "archive/data.pkl"
    let directory = first.central(at: 0) + hidden.central(at: 0)
    let file = body + directory + ZipEnd().bytes(count: 2, size: directory.count, offset: body.count)
    #expect(refusal(of: file)?.zip == .headersDisagree("archive/inner", field: "the name"))

    // An entry whose content holds another entry.
    let inner = ZipEntry("archive/inner", [1])
    let outer = ZipEntry("archive/data.pkl", inner.local())
    let whole = outer.local()
    let headers = outer.central(at: 0) + inner.central(at: whole.count - inner.local().count)
    let nested = whole + headers + ZipEnd().bytes(count: 2, size: headers.count, offset: whole.count)
    #expect(refusal(of: nested)?.zip == .overlap("archive/data.pkl", "archive/inner"))
  }

  @Test func entriesPastTheFileAreRefused() {
    #expect(fault(entries { $0.size = 1 << 30 }) == .outsideFile(entry: "archive/version"))
    #expect(fault(entries { $0.offset = 1 << 30 }) == .outsideFile(entry: "archive/version"))
    #expect(fault(entries { $0.offset = 3 }) == .headersDisagree("archive/version", field: "the place of the entry"))
  }

  @Test func headersThatContradictEachOtherAreRefused() {
    func field(_ change: (inout ZipEntry) -> Void) -> ZipFault? { fault(entries(change)) }
    func disagree(_ field: String) -> ZipFault { .headersDisagree("archive/version", field: field) }
    #expect(field { $0.localName = "archive/Version" } == disagree("the name"))
    #expect(field { $0.localFlags = 1 << 11 } == disagree("the flags"))
    #expect(field { $0.localMethod = 8 } == disagree("the compression method"))
    #expect(field { $0.localSize = 1 } == disagree("the size"))
  }

  @Test func dataDescriptorsMustAgree() {
    func descriptor(_ bytes: [UInt8]) -> ZipFault? {
      fault(
        entries {
          $0.flags = 1 << 3
          $0.localSize = 0
          $0.checksum = 5
          $0.descriptor = bytes
        })
    }
    let start = bytes(UInt32(0x0807_4B50)) + bytes(UInt32(5))
    #expect(descriptor(start + bytes(UInt32(2)) + bytes(UInt32(2))) == nil)
    #expect(descriptor(start + bytes(UInt64(2)) + bytes(UInt64(2))) == nil)
    #expect(
      descriptor(start + bytes(UInt32(2)) + bytes(UInt32(3)))
        == .headersDisagree("archive/version", field: "the size"))
    #expect(descriptor([]) == .headersDisagree("archive/version", field: "the data descriptor"))
  }

  @Test func anEndRecordThatLiesIsRefused() {
    #expect(fault(entries(), end: ZipEnd(count: 1)) == .directoryDisagrees(field: "the length of the directory"))
    #expect(fault(entries(), end: ZipEnd(count: 3)) == .directoryDisagrees(field: "the number of entries"))
    #expect(fault(entries(), end: ZipEnd(count: 0xFFFF)) == .directoryDisagrees(field: "the number of entries"))
    #expect(fault(entries(), end: ZipEnd(size: 0)) == .directoryDisagrees(field: "the place of the directory"))
    #expect(
      fault(entries(), end: ZipEnd(offset: 0xFFFF_FFFF)) == .directoryDisagrees(field: "the place of the directory"))
    #expect(fault(entries(), end: ZipEnd(comment: [1])) == .noDirectory)
  }

  @Test func zip64RecordsAreReadAndMustAgree() {
    func zip64(_ change: (inout ZipEnd) -> Void) -> ZipFault? {
      var end = ZipEnd(zip64: (0, 0, 0, 0))
      change(&end)
      return fault(entries(), end: end)
    }
    #expect(zip64 { _ in } == nil)
    #expect(zip64 { ($0.count, $0.size, $0.offset) = (0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF) } == nil)
    #expect(zip64 { $0.zip64?.count = 1 } == .directoryDisagrees(field: "the number of entries"))
    #expect(zip64 { $0.zip64?.size = 1 } == .directoryDisagrees(field: "the size of the directory"))
    #expect(zip64 { $0.zip64?.offset = -1 } == .directoryDisagrees(field: "the place of the directory"))
    #expect(zip64 { $0.zip64?.record = 8 } == .directoryDisagrees(field: "the place of the zip64 record"))
    #expect(
      zip64 {
        $0.count = 0xFFFF
        $0.zip64?.count = .max - 2
      } == .directoryDisagrees(field: "the number of entries"))
    #expect(
      zip64 {
        $0.offset = 0xFFFF_FFFF
        $0.zip64?.offset = -1000
      } == .directoryDisagrees(field: "the place of the directory"))
  }

  @Test func zip64FieldsOfEntriesAreReadAndMustAgree() {
    func entry(_ central: [UInt64], _ local: [UInt64]) -> ZipFault? {
      fault(
        entries {
          $0.size = .max
          $0.localSize = .max
          $0.centralExtra = bytes(UInt16(1)) + bytes(UInt16(central.count * 8)) + central.flatMap { bytes($0) }
          $0.localExtra = bytes(UInt16(1)) + bytes(UInt16(local.count * 8)) + local.flatMap { bytes($0) }
        })
    }
    #expect(entry([2, 2], [2, 2]) == nil)
    #expect(entry([2, 2, 0], [2, 2]) == .headersDisagree("archive/version", field: "the zip64 field"))
    #expect(entry([2], [2, 2]) == .headersDisagree("archive/version", field: "the zip64 field"))
    #expect(entry([2, 2], [2, 3]) == .headersDisagree("archive/version", field: "the size"))
    #expect(entry([.max, .max], [2, 2]) == .outsideFile(entry: "archive/version"))
    #expect(
      entry([3, 2], [2, 2])
        == .headersDisagree(
          "archive/version", field: "the size, though it is not compressed"))
  }

  @Test func archivesOfOtherThingsAreRefused() {
    #expect(refusal(of: zip([ZipEntry("word/document.xml", [1])]))?.torch == .noEntry("data.pkl"))
    #expect(refusal(of: zip([ZipEntry("data.pkl", Self.empty)]))?.torch == .noEntry("data.pkl"))
    #expect(
      refusal(of: zip([ZipEntry("a/data.pkl", Self.empty), ZipEntry("b/data.pkl", Self.empty)]))?.torch
        == .severalArchives(["a/data.pkl", "b/data.pkl"]))
  }

  @Test func aBigEndianArchiveIsRefused() {
    #expect(refusal(of: torchArchive(Self.empty, byteOrder: "little")) == nil)
    #expect(refusal(of: torchArchive(Self.empty, byteOrder: nil)) == nil)
    #expect(refusal(of: torchArchive(Self.empty, byteOrder: "big"))?.torch == .notLittleEndian)
  }
}
