import Tasks
import Testing

@testable import Training

/// Records without a label are left out and counted; lists of flags are told from lists of labels.
@Suite struct MissingLabelTests {
  @Test(arguments: [
    ("text,label\na,x\nb,\nc, \nd,y\n", "d.csv"),
    (
      "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"b\", \"label\": \"\"}\n{\"text\": \"c\", \"label\": \" \"}\n{\"text\": \"d\", \"label\": \"y\"}\n",
      "d.jsonl"
    ),
  ])
  func `An empty label is a fault of its record`(_ text: String, _ name: String) throws {
    let data = try read(text, as: name, for: .classification)
    #expect(data.texts == ["a", "d"])
    let first = name == "d.csv" ? 3 : 2
    #expect(data.reasons == ["\(first): 'label' is empty.", "\(first + 1): 'label' is empty."])
    #expect(
      data.faults.notes
        .map { $0.replacing(/\/\S*\//) { _ in "" } } == [
          "2 of 4 records of \(name) were left out; the first: \(name), line \(first): 'label' is empty."
        ])
  }

  @Test func `The empty value of a regression is one, and so is an empty tag`() throws {
    #expect(try read("text,label\na,1\nb,\n", as: "d.csv", for: .regression).reasons == ["3: 'label' is empty."])
    #expect(try read("a\tO\nb\t\n\nc\tO\n", as: "d.conll", for: .tagging).reasons == ["1: 'tags[1]' is empty."])
  }

  private static let files = [
    ("{\"text\": \"a\", \"label\": -1}\n{\"text\": \"b\", \"label\": 0}\n{\"text\": \"c\", \"label\": 1}\n", "d.jsonl"),
    (
      "{\"text\": \"a\", \"label\": -100}\n{\"text\": \"b\", \"label\": 0}\n{\"text\": \"c\", \"label\": 1.0}\n",
      "d.jsonl"
    ),
    ("text,label\na,-1\nb,0\nc,1\n", "d.csv"), ("text,label\na,-1.0\nb,0\nc,1\n", "d.csv"),
  ]

  @Test(arguments: files)
  func `Minus one and minus a hundred stand for no label, and are no faults`(_ text: String, _ name: String) throws {
    let data = try read(text, as: name, for: .classification, tolerance: .none)
    #expect(data.texts == ["b", "c"])
    #expect(try LabelVocabulary(inferredFrom: data.examples).names == ["0", "1"])
    #expect((data.faults.count, data.faults.unlabeledCount, data.faults.records) == (0, 1, 3))
    #expect(data.faults.notes.first?.contains("1 of 3 records of ") == true)
    #expect(data.faults.notes.first?.contains("line \(name == "d.csv" ? 2 : 1): the label is -1") == true)
  }

  @Test func `They are labels where labels are known to have these names, and texts are taken as they are`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.files[0].0, as: "d.jsonl")
    let known = try SourceData(path: path, for: .classification, labels: LabelVocabulary(["-1", "0", "1"]))
    #expect(known.examples.count == 3 && known.faults.notes.isEmpty)
    let text = try read("{\"text\": \"a\", \"label\": \"-1\"}", as: "d.jsonl", for: .classification)
    #expect(text.answers == [.label(.name("-1"))])
    #expect(try read("{\"text\": \"a\", \"label\": -1}", as: "d.jsonl", for: .regression).answers == [.value(-1)])
  }

  @Test func `Data without any label are an error that says so`() {
    #expect(
      message { _ = try read("text,label\na,-1\nb,-1\n", as: "d.csv", for: .classification) }
        == "d.csv: none of the 2 records has a label. The first: d.csv, line 2: the label is -1, which stands for none. "
        + "If this number is a class, name all classes with --labels.")
  }

  @Test func `Tags and choices may lack their label, too`() throws {
    let tags = try read("{\"tokens\": [\"a\", \"b\", \"c\"], \"tags\": [-100, 2, -1]}", as: "d.jsonl", for: .tagging)
    #expect(tags.answers == [.tags([nil, .number(2), nil])])
    let choices = try read(
      "{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"label\": 1}\n"
        + "{\"question\": \"q\", \"choices\": [\"a\", \"b\"], \"label\": -1}\n", as: "d.jsonl", for: .multipleChoice)
    #expect((choices.examples.count, choices.faults.unlabeledCount, choices.faults.count) == (1, 1, 0))
  }

  // MARK: - Flags

  private func labels(_ lists: [String], known: [String]? = nil) throws -> [SourceExample.Answer] {
    let folder = try TemporaryFolder()
    let text = lists.map { "{\"text\": \"a\", \"labels\": \($0)}\n" }.joined()
    return try SourceData(
      path: folder.write(text, as: "d.jsonl"), for: .multilabelClassification,
      labels: known.map { try LabelVocabulary($0) }
    ).examples.map(\.answer)
  }

  @Test(arguments: [["[0,0,1]", "[1,0,0]", "[0,1,1]"], ["[0.0, 0.0, 1.0]", "[1, 0, 0]", "[false, true, true]"]])
  func `Lists of one length that name a number twice are flags`(_ lists: [String]) throws {
    let flags = [[false, false, true], [true, false, false], [false, true, true]]
    #expect(try labels(lists) == flags.map { .labels(.flags($0)) })
    #expect(
      message {
        _ = try LabelVocabulary(
          inferredFrom: read(
            "{\"text\": \"a\", \"labels\": [0,0,1]}", as: "d.jsonl", for: .multilabelClassification
          ).examples)
      }
        == "the lists of labels are flags, one for each of 3 labels; name these in order with --labels.")
  }

  @Test func `Cells of a table are flags as well`() throws {
    let data = try read(
      "text,labels\na,\"[0, 0, 1]\"\nb,\"0,1,1\"\nc,[1 1 1]\n", as: "d.csv", for: .multilabelClassification)
    #expect(
      data.answers == [[false, false, true], [false, true, true], [true, true, true]].map { .labels(.flags($0)) })
  }

  @Test func `Lists of other lengths or other numbers are labels`() throws {
    #expect(try labels(["[0]", "[1]"]) == [.labels(.listed([.number(0)])), .labels(.listed([.number(1)]))])
    #expect(try labels(["[0, 1]", "[1]"])[0] == .labels(.listed([.number(0), .number(1)])))
    #expect(try labels(["[0, 1]", "[2, 1]"])[0] == .labels(.listed([.number(0), .number(1)])))
    #expect(
      try labels(["[0, 1]", "[1, 0]"], known: ["a", "b", "c"])[0] == .labels(.listed([.name("a"), .name("b")])))
    #expect(try labels(["[0, 1]", "[1, 0]"], known: ["a", "b"])[0] == .labels(.flags([false, true])))
  }

  @Test func `A list that names a label twice is a fault`() throws {
    let data = try read(
      "{\"text\": \"a\", \"labels\": [\"x\", \"x\"]}\n{\"text\": \"b\", \"labels\": [\"x\", \"y\"]}", as: "d.jsonl",
      for: .multilabelClassification)
    #expect(data.texts == ["b"])
    #expect(data.reasons == ["1: a label is named twice; each applies or does not."])
  }
}
