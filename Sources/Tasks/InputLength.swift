/// How many tokens of an input are read: the length that training, evaluation and prediction share.
public enum InputLength {
  /// The tokens of an input, specials included, unless a head's record or a caller says otherwise.
  public static let standard = 512

  /// The most tokens of an input.
  ///
  /// - Parameters:
  ///   - requested: what a caller wants; 0 for the model's limit.
  ///   - recorded: what a head was trained with; 0 for the model's limit.
  ///   - advised: the model's limit, beyond which its layers cannot tell all distances; nil if it has none.
  /// - Returns: nil for no limit.
  public static func limit(requested: Int?, recorded: Int?, advised: Int?) -> Int? {
    let length = requested ?? recorded ?? standard
    return length == 0 ? advised : length
  }
}
