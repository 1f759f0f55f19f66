public import Deberta
public import Heads

extension AskedTokens {
  /// The tokens that heads of some kinds read.
  public init(readBy kinds: [HeadKind]) { self = kinds.contains(where: \.answersTokens) ? .all : .first }
}
