import Checkpoints
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

  @Test func `A sentence of more words than any has is one fault, and is not kept`() throws {
    let words = String(repeating: "w O\n", count: Limits.sentenceWords)
    let good = "a O\n\n"
    #expect(try read(good + words + "\n" + good, as: "d.conll", for: .tagging).faults.count == 0)
    let data = try read(good + words + "w O\n\n" + good, as: "d.conll", for: .tagging)
    #expect(data.examples.count == 2)
    #expect(
      data.reasons == [
        "3: the sentence has \(Limits.sentenceWords + 1) words; at most \(Limits.sentenceWords) are read. Does a blank "
          + "line follow each sentence?"
      ])
    let list = String(repeating: "\"w\", ", count: Limits.sentenceWords) + "\"w\""
    let line = "{\"tokens\": [\(list)], \"tags\": [\(list)]}\n"
    let other = try read(line + "{\"tokens\": [\"w\"], \"tags\": [\"O\"]}\n", as: "d.jsonl", for: .tagging)
    #expect(other.examples.count == 1 && other.reasons.count == 1)
  }

  @Test func `A table or a record of more columns than any has is refused before they are named`() throws {
    func heading(_ count: Int, _ separator: String) -> String {
      (["text", "label"] + (2..<count).map { "c\($0)" }).joined(separator: separator) + "\n"
    }
    let row = (["a", "b"] + Array(repeating: "", count: Limits.columns - 2)).joined(separator: ";") + "\n"
    #expect(
      try read(heading(Limits.columns, ";") + row, as: "d.csv", for: .classification).examples.count == 1)
    for name in ["d.csv", "d.tsv"] {
      let separator = name == "d.csv" ? "," : "\t"
      #expect(
        message { _ = try read(heading(Limits.columns + 1, separator) + "a\n", as: name, for: .classification) }
          == "\(name), line 1: the heading cannot be read: the record has more than 10000 columns.")
    }
    let members = (0..<Limits.columns).map { "\"k\($0)\": 1" }.joined(separator: ", ")
    let data = try read(
      "{\(members), \"text\": \"a\"}\n{\"text\": \"a\", \"label\": \"b\"}\n", as: "d.jsonl", for: .classification)
    #expect(data.reasons == ["1: the object has 10001 members; at most 10000 are read."])
  }

  @Test func `More labels than a head has are no labels`() throws {
    func examples(_ count: Int) -> some Sequence<SourceExample> {
      (0..<count).lazy.map { SourceExample(line: $0, content: .text("", pair: nil), answer: .label(.name("\($0)x"))) }
    }
    #expect(try LabelVocabulary(inferredFrom: examples(Limits.inferredLabels)).count == Limits.inferredLabels)
    #expect(throws: LabelError.tooMany(limit: Limits.inferredLabels)) {
      try LabelVocabulary(inferredFrom: examples(Limits.inferredLabels + 1))
    }
  }
}
