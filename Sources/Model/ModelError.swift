/// Why a model cannot do what was requested.
public enum ModelError: Error, Hashable, Sendable, CustomStringConvertible {
  case exists(kind: String, name: String)
  case unknownHead(name: String, nearest: [String])
  case merged(other: String, name: String)
  case mergedAndActive(name: String)
  case notMergeable(name: String)
  case noHeadForLabels(folder: String)
  case activeHeads([String])
  case maskedLMOfChangedEmbeddings(head: String)
  case decoderOfOtherWidth(head: String, found: Int, expected: Int)
  case enhancedDecoder(head: String)
  case headsOfParallel(heads: [String], repetitions: Int)
  case cannotCreate(folder: String, reason: String)
  case quantized(folder: String, precision: String)
  case roundedBase(precision: String, action: String)

  public var description: String {
    switch self {
    case .exists(let kind, let name):
      "There is already \(kind == "adapter" ? "an" : "a") \(kind) called '\(name)'; delete it first, or allow overwriting."
    case .unknownHead(let name, let nearest):
      "No head is called '\(name)'"
        + (nearest.isEmpty ? "." : "; did you mean \(nearest.map { "'\($0)'" }.joined(separator: " or "))?")
    case .merged(let other, let name):
      "'\(name)' cannot be merged while '\(other)' is; reset that one first."
    case .mergedAndActive(let name):
      "'\(name)' is merged into the weights and named in the setup; it would act twice. Reset it, or leave it out."
    case .notMergeable(let name):
      "'\(name)' cannot be merged: only methods whose effect is a change of weights can, not bottlenecks or gates."
    case .activeHeads(let heads):
      "There are labels of one head, but \(heads.isEmpty ? "no head is" : heads.joined(separator: ", ") + " are") "
        + "active. Name the head."
    case .noHeadForLabels(let folder):
      "There are labels for the head of \(folder), but no head is loaded from it."
    case .maskedLMOfChangedEmbeddings(let head):
      "The head '\(head)' predicts words, but the setup changes the embeddings in a way that nothing undoes before "
        + "its decoder: a weighted sum of invertible adapters has no inverse. Ask for another head, or a Stack of them."
    case .decoderOfOtherWidth(let head, let found, let expected):
      "The head '\(head)' predicts words from \(found) features, but an invertible adapter works on \(expected): it "
        + "cannot be undone before the decoder. Ask for another head, or no such adapter."
    case .enhancedDecoder(let head):
      "The head '\(head)' decodes with the model's last layer and absolute positions (Microsoft's enhanced mask "
        + "decoder), which files of heads cannot describe; it stays with its checkpoint."
    case .headsOfParallel(let heads, let repetitions):
      "Under Parallel each head answers one of the \(repetitions) adapters, but there are \(heads.count) heads: "
        + "\(heads.joined(separator: ", ")). Name \(repetitions) of them."
    case .quantized(let folder, let precision):
      "The weights of \(folder) are int8, so its layers are not computed in \(precision). Leave the precision out, or use "
        + "the model that it was quantized from."
    case .roundedBase(let precision, let action):
      "The base model's layers are computed in \(precision): their weights are rounded, and cannot be \(action). Load the "
        + "model in float32; for one that 'adapter-cli quantize' wrote, name the folder that it was made from."
    case .cannotCreate(let folder, let reason): "The folder \(folder) cannot be made (\(reason))."
    }
  }
}
