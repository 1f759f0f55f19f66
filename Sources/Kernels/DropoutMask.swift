/// Which elements dropout sets to 0: a function of a key and the element's number, so it is the same again in the
/// backward pass, and with any number of threads.
public struct DropoutMask: Sendable {
  let key, threshold: UInt32
  let factor: Float

  /// - Parameters:
  ///   - probability: 0 ..< 1
  ///   - key: what the mask is drawn from.
  public init(key: UInt32, probability: Float) {
    precondition((0..<1).contains(probability), "dropout with probability \(probability)")
    self.key = key
    threshold = UInt32(Double(probability) * 0x1p32)
    factor = 1 / (1 - probability)
  }
}
