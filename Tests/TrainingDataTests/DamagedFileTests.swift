import Foundation
import Tensors
import Testing

@testable import Training

@Suite struct DamagedFileTests {
  private static let files: [(String, TrainingTask, String)] = [
    (
      "d.jsonl", .classification,
      "{\"text\": \"a b\", \"pair\": \"c\", \"label\": \"x\"}\n{\"text\": \"é\", \"label\": 1}\n"
    ),
    ("d.csv", .classification, "text,label\r\n\"a, \"\"b\"\"\",x\n\"c\nd\",y\n"),
    ("d.csv", .multilabelClassification, "text,labels\na,\"x, y\"\nb,\"[1, 2]\"\n"),
    ("d.tsv", .regression, "text\tlabel\na\t0.5\nb\t-1\n"),
    ("d.conll", .tagging, "-DOCSTART- O\n\na B-X\nb O\n\nc O\n"),
    ("d.jsonl", .tagging, "{\"tokens\": [\"a\", \"b\"], \"tags\": [0, null]}\n"),
    (
      "d.jsonl", .questionAnswering,
      "{\"question\": \"q\", \"context\": \"a b\", \"answers\": {\"text\": [\"b\"], \"answer_start\": [2]}}\n"
    ),
    (
      "d.jsonl", .multipleChoice,
      "{\"question\": \"q\", \"choices\": {\"text\": [\"a\", \"b\"], \"label\": [\"A\", \"B\"]}, \"answerKey\": \"B\"}\n"
    ),
    ("d.txt", .maskedLM, "a b\r\n\nc"),
  ]

  /// Every file is read or refused with a `DatasetError`; anything else would end the process.
  @Test(arguments: files.indices)
  func `Any damage is a fault or an error`(_ index: Int) throws {
    let (name, task, text) = Self.files[index]
    #expect(try read(text, as: name, for: task, tolerance: .none).faults.count == 0)
    let folder = try TemporaryFolder()
    let path = folder.path(name)
    var random = RandomNumbers(seed: UInt64(index))
    let bytes: [UInt8] = Array("\"\\,\t\n\r {}[]:-09ex".utf8) + [0x00, 0xC3, 0xFF]
    var (read, refused) = (0, 0)
    for _ in 0..<300 {
      var damaged = Array(text.utf8)
      for _ in 0...random.below(3) {
        let place = random.below(damaged.count)
        switch random.below(3) {
        case 0: damaged[place] = bytes[random.below(bytes.count)]
        case 1: damaged.insert(bytes[random.below(bytes.count)], at: place)
        default: damaged.removeSubrange(place..<min(damaged.count, place + 1 + random.below(4)))
        }
        if damaged.isEmpty { break }
      }
      try Data(damaged).write(to: URL(filePath: path))
      do throws(DatasetError) {
        _ = try SourceData(path: path, for: task)
        read += 1
      } catch {
        #expect(!error.description.isEmpty)
        refused += 1
      }
    }
    #expect(read > 0 && refused + read == 300)
  }
}
