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
