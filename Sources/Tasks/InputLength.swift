/// The input length in tokens, shared by training, evaluation and prediction.
public enum InputLength {
  /// The default length, including special tokens, unless a head's record or a caller specifies another.
  public static let standard = 512

  /// The maximum number of input tokens.
  ///
  /// - Parameters:
  ///   - requested: the caller's choice; 0 for the model's limit.
  ///   - recorded: the length with which a head was trained; 0 for the model's limit.
  ///   - tokenizer: the tokenizer's own maximum (`model_max_length`); nil if it has none.
  ///   - advised: the model's limit, beyond which its layers cannot resolve all distances; nil if it has none.
  /// - Returns: nil for no limit.
  public static func limit(requested: Int?, recorded: Int?, tokenizer: Int?, advised: Int?) -> Int? {
    let length = requested ?? recorded ?? min(standard, tokenizer ?? standard)
    return length == 0 ? advised : length
  }
}
