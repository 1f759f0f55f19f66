/// How many tokens of an input are read: the length that training, evaluation and prediction share.
public enum InputLength {
  /// The tokens of an input, specials included, unless an adapter's record or a flag says otherwise.
  public static let standard = 512
}
