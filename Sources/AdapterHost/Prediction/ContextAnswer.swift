internal import Checkpoints
internal import Tasks
internal import Tensors
internal import Tokenization

extension ContextAnswer {
  /// The answer that evaluation would count.
  ///
  /// - Parameters:
  ///   - logits: for each window those of its tokens as the first of the answer, and as the last, [tokens, 2].
  ///   - windows: the question with parts of the context as the pair.
  ///   - context: all of it.
  init(_ logits: [Tensor], _ windows: [Encoding], context: String) {
    self = QuestionContext(windows, context: context).answer(
      starts: logits.map { $0.columns(0..<1).array }, ends: logits.map { $0.columns(1..<2).array })
  }

  /// `{"answer": "...", "start": 3, "end": 9, "score": 0.5}`, as transformers gives it; without an answer an empty one.
  var json: String {
    JSONLine.object([
      ("answer", JSONValue.string(text).line), ("start", "\(range?.lowerBound ?? 0)"),
      ("end", "\(range?.upperBound ?? 0)"), ("score", JSONLine.score(score)),
    ])
  }
}
