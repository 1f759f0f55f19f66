import Checkpoints
import Heads
import Testing

@testable import Training

@Suite struct LabelTests {
  private func inferred(_ labels: [GivenLabel]) throws -> [String] {
    try LabelVocabulary(
      inferredFrom: labels.map { SourceExample(line: 1, content: .text("", pair: nil), answer: .label($0)) }
    ).names
  }

  @Test func `Labels of data are sorted, and numbers by their size`() throws {
    #expect(try inferred([.name("b"), .name("a"), .name("b"), .name("C")]) == ["C", "a", "b"])
    #expect(try inferred([.number(10), .number(9), .number(-1)]) == ["-1", "9", "10"])
    #expect(try inferred([.number(10), .number(9), .name("x")]) == ["10", "9", "x"])
    #expect(throws: LabelError.none) { try inferred([]) }
  }

  @Test func `Labels of tags and of several at once are found`() throws {
    let words = SourceExample(line: 1, content: .words(Sentence("")), answer: .tags([.name("O"), nil, .name("B-X")]))
    #expect(try LabelVocabulary(inferredFrom: [words]).names == ["B-X", "O"])
    let several = SourceExample(
      line: 1, content: .text("", pair: nil), answer: .labels(.listed([.name("b"), .name("a")])))
    #expect(try LabelVocabulary(inferredFrom: [several]).names == ["a", "b"])
    let flags = SourceExample(line: 1, content: .text("", pair: nil), answer: .labels(.flags([true])))
    #expect(throws: LabelError.onlyFlags(count: 1)) { try LabelVocabulary(inferredFrom: [flags]) }
  }

  @Test func `A number is a label's name before it is its place`() throws {
    let named = try LabelVocabulary(["2", "1", "0"])
    #expect(try named.index(of: .number(2)) == 0)
    #expect(try LabelVocabulary(["no", "yes"]).index(of: .number(1)) == 1)
  }

  @Test func `A label that is not known is told with the nearest`() throws {
    let labels = try LabelVocabulary(["positive", "negative"])
    #expect(
      message { _ = try labels.index(of: .name("postive")) }
        == "the label 'postive' is not one of the 2 that are known (positive, negative); the nearest: 'positive'.")
    #expect(
      message { _ = try labels.index(of: .name("1")) }
        == "the label '1' is not one of the 2 that are known (positive, negative).")
    let many = try LabelVocabulary((0..<99).map { "label\($0)" })
    #expect(
      message { _ = try many.index(of: .name("x")) }
        == "the label 'x' is not one of the 99 that are known (\((0..<10).map { "label\($0)" }.joined(separator: ", ")), ...)."
    )
    #expect(
      message { _ = try labels.index(of: .number(2)) }
        == "the label 2 is none of the 2 that are known: their numbers are 0 to 1.")
  }

  /// One reading holds for all numbers of a file.
  @Test func `Numbers are names or places, all of them`() throws {
    let stars = try LabelVocabulary(["1", "2", "3", "4", "5"])
    #expect(try stars.namesNumbers([1, 2, 5]) && stars.namesNumbers([1, 2, 3]))
    #expect(try !stars.namesNumbers([0, 1, 4]))
    #expect(throws: LabelError.ambiguous([0, 5])) { try stars.namesNumbers([0, 5]) }
    let permuted = try LabelVocabulary(["2", "0", "1"])
    #expect(throws: LabelError.ambiguous([0, 1])) { try permuted.namesNumbers([0, 1]) }
    #expect(try !LabelVocabulary(["no", "yes"]).namesNumbers([0, 1]))
    let folder = try TemporaryFolder()
    let path = try folder.write("text,label\na,0\nb,1\nc,4\n", as: "d.csv")
    let data = try SourceData(path: path, for: .classification, labels: stars)
    #expect(data.answers == [.label(.name("1")), .label(.name("2")), .label(.name("5"))])
  }

  @Test func `Flags are taken one for each label`() throws {
    let labels = try LabelVocabulary(["a", "b", "c"])
    #expect(try labels.flags(of: .listed([.name("c"), .name("a")])) == [true, false, true])
    #expect(try labels.flags(of: .listed([.number(0), .number(1)])) == [true, true, false])
    #expect(try labels.flags(of: .flags([true, false, false])) == [true, false, false])
    #expect(throws: LabelError.flagCount(found: 1, count: 3)) { try labels.flags(of: .flags([true])) }
  }

  @Test(arguments: [
    "[\"b\", \"a\"]", " {\"a\": 1, \"b\": 0}", "{\"0\": \"b\", \"1\": \"a\"}", "b\n\na\r\n",
  ])
  func `Labels are read from a file`(_ text: String) throws {
    let folder = try TemporaryFolder()
    #expect(try LabelVocabulary(path: folder.write(text, as: "labels")).names == ["b", "a"])
  }

  @Test(arguments: [
    ("[\"a\", \"a\"]", "the label 'a' is listed twice; each must have one place."), ("", "there are no labels."),
    ("[\"a\"", "labels.json: the JSON ends too early."),
    ("{\"a\": 1}", "labels.json: expected a list of labels, or an object of labels with their numbers from 0."),
    ("[[]]", "labels.json: expected a list of labels, or an object of labels with their numbers from 0."),
  ])
  func `A file without labels is an error`(_ text: String, _ reason: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(text, as: "labels.json")
    #expect(message { _ = try LabelVocabulary(path: path) } == reason)
  }

  @Test func `A head gives its labels and its task`() throws {
    #expect(try LabelVocabulary(HeadSettings(.tagging, labels: ["O", "B-X"])).names == ["O", "B-X"])
    #expect(try TrainingTask(HeadSettings(.classification, labels: ["a", "b"])) == .classification)
    #expect(try TrainingTask(HeadSettings(.classification, labels: ["value"])) == .regression)
  }

  @Test func `A head that gives several values has no task`() throws {
    let settings = HeadSettings(.classification, labels: ["x", "y"], meaning: OutputMeaning(score: .identity))
    #expect(throws: TrainingTaskError.severalValues(outputs: 2)) { try TrainingTask(settings) }
    #expect(
      try TrainingTask(HeadSettings(.classification, labels: ["x"], meaning: OutputMeaning(score: .sigmoid)))
        == .regression)
  }

  @Test func `Several outputs that are scored one by one are several labels`() throws {
    let settings = HeadSettings(.classification, labels: ["x", "y"], meaning: OutputMeaning(score: .sigmoid))
    #expect(try TrainingTask(settings) == .multilabelClassification)
    #expect(settings.members["head_type"] == .string("multilabel_classification"))
  }

  /// Of 6 examples 2, 3 and 1 have the labels: 4 / 2, 3 / 3, 5 / 1; labels of all or none weigh 1.
  @Test func `Balanced weights let the positives of a label count as much as its negatives`() {
    #expect(ClassWeights.balancedPositives(counts: [2, 3, 1, 6, 0], examples: 6) == [2, 1, 5, 1, 1])
  }

  /// 6 examples, 3 classes that occur: 6 / (3 · 3), 6 / (3 · 2), 6 / (3 · 1). Times the counts they sum to 6.
  @Test func `Balanced weights let every class count alike`() {
    #expect(ClassWeights.balanced(counts: [3, 2, 0, 1]) == [Double(2) / 3, 1, 1, 2])
  }
}
