import Testing

@testable import Training

@Suite struct ColumnTests {
  @Test(arguments: [
    #"{"sentence": "a", "label": 0}"#, #"{"sentence1": "a", "label": 0, "idx": 7}"#, #"{"premise": "a", "labels": 0}"#,
  ])
  func `Texts go by their usual names`(_ line: String) throws {
    let data = try read(line, as: "d.jsonl", for: .classification)
    #expect(data.texts == ["a"])
    #expect(data.answers == [.label(.number(0))])
  }

  @Test(arguments: [
    #"{"text": "a", "text_pair": "b", "label": 0}"#, #"{"sentence1": "a", "sentence2": "b", "label": 0}"#,
    #"{"premise": "a", "hypothesis": "b", "label": 0}"#, #"{"question1": "a", "question2": "b", "label": 0}"#,
  ])
  func `Pairs go by their usual names`(_ line: String) throws {
    #expect(try read(line, as: "d.jsonl", for: .classification).texts == ["a|b"])
  }

  @Test func `A column that is named comes before the usual ones`() throws {
    let data = try read(
      #"{"text": "a", "title": "b", "label": 0, "stars": "x"}"#, as: "d.jsonl", for: .classification,
      columns: [.text: "title", .pair: "text", .label: "stars"])
    #expect(data.texts == ["b|a"])
    #expect(data.answers == [.label(.name("x"))])
  }

  @Test func `Values are read from numbers, and from digits where there are no numbers`() throws {
    #expect(
      try read("{\"text\": \"a\", \"label\": 2}\n{\"text\": \"a\", \"score\": 2.5}", as: "d.jsonl", for: .regression)
        .answers == [.value(2), .value(2.5)])
    let data = try read("text,score\na,-1e-1\nb,nan\nc,x\n", as: "d.csv", for: .regression)
    #expect(data.answers == [.value(-0.1)])
    #expect(
      data.reasons == [
        "3: 'score' must be a number, found the string 'nan'.", "4: 'score' must be a number, found the string 'x'.",
      ])
  }

  @Test func `Several labels stand in a column of flags each`() throws {
    let table = "text,toxic,insult,threat\na,1,0,1\nb,0,0,0\nc,-1,-1,-1\nd,1,x,0\ne,1.0,False,true\n"
    var columns: DataColumns = [:]
    columns.flags = ["toxic", "threat", "insult"]
    let data = try read(table, as: "d.csv", for: .multilabelClassification, columns: columns)
    let named: [[String]] = [["toxic", "threat"], [], ["toxic", "threat"]]
    #expect(data.answers == named.map { .labels(.listed($0.map { .name($0) })) })
    #expect(data.reasons == ["5: 'insult' must be 0 or 1, found the string 'x'."])
    #expect(data.faults.unlabeledCount == 1)
    columns.flags = ["toxic", "obscene"]
    #expect(
      message { _ = try read(table, as: "d.csv", for: .multilabelClassification, columns: columns) }
        == "d.csv: no column of flags for the label 'obscene': found 'text', 'toxic', 'insult', 'threat'. Name the "
        + "column of every label: --column label=NAME, once for each.")
    columns.flags = ["toxic"]
    let folder = try TemporaryFolder()
    let path = try folder.write(table, as: "d.csv")
    let labels = try LabelVocabulary(["toxic", "insult"])
    #expect(throws: DatasetError.missingFlags("insult", found: ["toxic"], path: path)) {
      try SourceData(path: path, for: .multilabelClassification, columns: columns, labels: labels)
    }
  }

  @Test func `Columns that are called like the labels are flags`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("text,a,b,c\nx,1,0,1\ny,0,0,0\n", as: "d.csv")
    let labels = try LabelVocabulary(["c", "a", "b"])
    let data = try SourceData(path: path, for: .multilabelClassification, labels: labels)
    #expect(data.answers == [.labels(.listed([.name("c"), .name("a")])), .labels(.listed([]))])
    #expect(throws: DatasetError.label(.oneFlag, path: path, line: 1)) {
      try SourceData(path: path, for: .multilabelClassification, columns: [.label: "a"], labels: labels)
    }
  }

  @Test func `An empty cell is no second text, an empty string is one`() throws {
    #expect(try read("text,pair,label\na,,0\n", as: "d.csv", for: .classification).texts == ["a"])
    let line = #"{"text": "a", "pair": "", "label": 0}"#
    #expect(try read(line, as: "d.jsonl", for: .classification).texts == ["a|"])
  }

  @Test(arguments: [
    #"{"premise": "It rained.", "question": "effect", "choice1": "Wet.", "choice2": "Dry.", "label": 0}"#,
    #"{"article": "A long text.", "question": "Who?", "options": ["a", "b"], "answer": "A"}"#,
  ])
  func `Choices for two texts are refused unless one is named`(_ line: String) throws {
    #expect(message { _ = try read(line, as: "d.jsonl", for: .multipleChoice) }?.contains("both could be") == true)
    let data = try read(line, as: "d.jsonl", for: .multipleChoice, columns: [.question: "question"])
    #expect(data.examples.count == 1)
  }

  @Test func `A table with a word in each row is no table of sentences`() throws {
    let table = "Sentence #,Word,Tag\n1,A,O\n,cat,B\n"
    #expect(throws: DatasetError.self) {
      try read(table, as: "d.csv", for: .tagging, columns: [.tokens: "Word", .tags: "Tag"])
    }
    let sentences = "Word,Tag\nA cat,O B\n,\nyes,O\n"
    #expect(
      try read(sentences, as: "d.csv", for: .tagging, columns: [.tokens: "Word", .tags: "Tag"]).examples.count == 2)
  }

  @Test func `One column of flags names no labels`() throws {
    let data = try read(
      "text,label\na,1\nb,0\n", as: "d.csv", for: .multilabelClassification, columns: [.label: "label"])
    #expect(throws: LabelError.oneFlag) { try LabelVocabulary(inferredFrom: data.examples) }
    // Negative control: a list of two is no flag.
    let lists = try read(
      #"{"text": "a", "labels": [0, 1]}"# + "\n" + #"{"text": "b", "labels": [1]}"#, as: "d.jsonl",
      for: .multilabelClassification)
    #expect(try LabelVocabulary(inferredFrom: lists.examples).names == ["0", "1"])
  }

  @Test func `Several labels are names, numbers or flags`() throws {
    let data = try read(
      """
      {"text": "a", "labels": ["x", "y"]}
      {"text": "a", "labels": []}
      {"text": "a", "labels": [0, 2]}
      {"text": "a", "labels": [false, true, true]}
      {"text": "a", "labels": "x, y"}
      """, as: "d.jsonl", for: .multilabelClassification)
    #expect(
      data.answers == [
        .labels(.listed([.name("x"), .name("y")])), .labels(.listed([])), .labels(.listed([.number(0), .number(2)])),
        .labels(.flags([false, true, true])), .labels(.listed([.name("x, y")])),
      ])
    let cells = try read("text,labels\na,\"x, y z\"\nb,\na,\"[1, 2]\"\n", as: "d.csv", for: .multilabelClassification)
    #expect(
      cells.answers == [
        .labels(.listed([.name("x"), .name("y z")])), .labels(.listed([])),
        .labels(.listed([.number(1), .number(2)])),
      ])
  }

  @Test func `Words are those of a list, or those of a text between white space`() throws {
    let data = try read(
      """
      {"tokens": ["New York", "is", "x", "y"], "ner_tags": [1, 0, -100, null]}
      {"text": "  a  b\\u00a0c\\u001dd ", "word_labels": ["A", "B", "C", "D"]}
      {"words": ["e"], "tags": ["E"], "text": "not read"}
      """, as: "d.jsonl", for: .tagging)
    #expect(data.texts == ["New York|is|x|y", "a|b|c|d", "e"])
    #expect(data.answers[0] == .tags([.number(1), .number(0), nil, nil]))
    #expect(data.answers[1] == .tags(["A", "B", "C", "D"].map { .name($0) }))
  }

  @Test func `An element of a list that cannot be is told by its place`() throws {
    let data = try read(
      """
      {"tokens": ["a", "b"], "tags": ["A", "B"]}
      {"tokens": ["a", "b"], "tags": ["A", {}]}
      {"tokens": ["a", 5], "tags": ["A", "B"]}
      {"tokens": "a b", "tags": ["A", "B"]}
      """, as: "d.jsonl", for: .tagging)
    #expect(
      data.reasons == [
        "2: 'tags[1]' must be a label's name or number, found an object.",
        "3: 'tokens[1]' must be a string, found the number 5.",
        "4: 'tokens' must be a list, found the string 'a b'.",
      ])
  }

  @Test func `Words and labels of different number are a fault`() throws {
    let data = try read(
      """
      {"text": "a b", "tags": ["A", "B"]}
      {"text": "a b", "tags": ["A"]}
      {"text": " ", "tags": []}
      """, as: "d.jsonl", for: .tagging)
    #expect(
      data.reasons == [
        "2: there must be a label for each word; the words are 2, and the labels in 'tags' are 1.",
        "3: there are no words.",
      ])
  }

  @Test func `Answers are given as SQuAD gives them, or in simpler ways`() throws {
    let data = try read(
      """
      {"question": "q", "context": "é is a b", "answers": {"text": ["a", "b"], "answer_start": [5, 7]}}
      {"question": "q", "context": "a b", "answers": {"text": [], "answer_start": []}}
      {"question": "q", "context": "a b", "answers": [{"text": "b", "answer_start": 2}]}
      {"question": "q", "context": "a b b", "answer": "b"}
      {"question": "q", "context": "a b b", "answer": "b", "answer_start": 4}
      """, as: "d.jsonl", for: .questionAnswering)
    #expect(
      data.answers == [
        .answers([AnswerSpan(text: "a", range: 5..<6), AnswerSpan(text: "b", range: 7..<8)]), .answers([]),
        .answers([AnswerSpan(text: "b", range: 2..<3)]), .answers([AnswerSpan(text: "b", range: 2..<3)]),
        .answers([AnswerSpan(text: "b", range: 4..<5)]),
      ])
    let cells = try read(
      "question,context,answer,answer_start\nq,a b b,b,4\nq,a b,b,\nq,a,\"{\"\"text\"\": [\"\"a\"\"]}\",", as: "d.csv",
      for: .questionAnswering)
    #expect(
      cells.answers == [
        .answers([AnswerSpan(text: "b", range: 4..<5)]), .answers([AnswerSpan(text: "b", range: 2..<3)]),
        .answers([AnswerSpan(text: "a", range: 0..<1)]),
      ])
  }

  @Test func `An answer that does not stand where it should is a fault`() throws {
    let data = try read(
      """
      {"question": "q", "context": "a b", "answers": {"text": ["b"], "answer_start": [2]}}
      {"question": "q", "context": "a b", "answers": {"text": ["b"], "answer_start": [1]}}
      {"question": "q", "context": "a b", "answers": {"text": ["b"], "answer_start": [-1]}}
      {"question": "q", "context": "a b", "answers": "c"}
      {"question": "q", "context": "a b", "answers": {"text": ["b"], "answer_start": []}}
      {"question": "q", "context": "", "answers": "c"}
      """, as: "d.jsonl", for: .questionAnswering)
    #expect(
      data.reasons == [
        "2: the answer 'b' does not stand at character 1 of the context.",
        "3: the answer 'b' does not stand at character -1 of the context.",
        "4: the answer 'c' does not stand in the context.",
        "5: 'answers' must have a 'text' and an 'answer_start' for each answer.",
        "6: the context is empty.",
      ])
  }

  @Test func `Choices are a list, an object or columns, and the right one has a number, a letter or a text`() throws {
    let data = try read(
      """
      {"question": "q", "choices": ["a", "b"], "label": 1}
      {"prompt": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": "B"}
      {"prompt": "q", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "2"}
      {"premise": "q", "choice1": "a", "choice2": "b", "label": 1}
      {"sentence": "q", "options": ["a", "b"], "answer": "b"}
      {"sentence": "q", "ending0": "a", "ending1": "b", "answer": "B"}
      """, as: "d.jsonl", for: .multipleChoice)
    #expect(data.texts == Array(repeating: "q|a|b", count: 6))
    #expect(data.answers == Array(repeating: .choice(1), count: 6))
  }

  @Test func `A choice that is not there is a fault`() throws {
    let data = try read(
      """
      {"question": "q", "choices": ["a", "b"], "label": 0}
      {"question": "q", "choices": ["a", "b"], "label": 2}
      {"question": "q", "choices": ["a"], "label": 0}
      """, as: "d.jsonl", for: .multipleChoice)
    #expect(
      data.reasons == [
        "2: 'label' must be one of 2 choices, counted from 0, found the number 2.",
        "3: there must be at least two choices, found 1.",
      ])
  }
}
