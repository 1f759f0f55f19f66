internal import Checkpoints
internal import Tensors
internal import Tokenization
internal import Training

/// The part of a context that answers a question, or that there is none.
public struct ContextAnswer: Sendable, Hashable {
  /// Where it stands in the context, in Unicode scalars as Python counts; nil if the context does not answer.
  public let range: Range<Int>?
  /// Empty if the context does not answer.
  public let text: String
  /// The probability of its first token times that of its last one. Each is a softmax over the tokens of the context
  /// and `[CLS]`, which stands for no answer.
  public let score: Float
}

extension ContextAnswer {
  /// The answer that evaluation would judge.
  ///
  /// - Parameters:
  ///   - logits: of each token as the first of the answer, and as the last, [tokens, 2].
  ///   - encoding: the tokens of the question with its context as the pair.
  ///   - context: the pair.
  init(_ logits: Tensor, _ encoding: Encoding, context: String) {
    let tokens = QuestionReference(encoding, context: context)
    let (starts, ends) = (logits.columns(0..<1).array, logits.columns(1..<2).array)
    let span = tokens.bestSpan(starts: starts, ends: ends)
    range = tokens.range(start: span.start, end: span.end)
    text = tokens.text(start: span.start, end: span.end)
    let candidates = tokens.offsets.indices.filter { $0 == 0 || tokens.offsets[$0] != nil }
    func share(_ logits: [Float], of token: Int) -> Float {
      zip(candidates, candidates.map { logits[$0] }.softmax).first { $0.0 == token }?.1 ?? 0
    }
    score = share(starts, of: span.start) * share(ends, of: span.end)
  }

  /// `{"answer": "...", "start": 3, "end": 9, "score": 0.5}`, as transformers tells it; without an answer an empty one.
  var json: String {
    JSONLine.object([
      ("answer", JSONValue.string(text).line), ("start", "\(range?.lowerBound ?? 0)"),
      ("end", "\(range?.upperBound ?? 0)"), ("score", JSONLine.score(score)),
    ])
  }
}
