extension HeadSettings {
  /// The names and shapes of the head's tensors as saved below `heads.NAME.`, without allocating them.
  ///
  /// - Parameter hiddenSize: the model's hidden size.
  public func tensorShapes(hiddenSize: Int) -> [(name: String, shape: [Int])] {
    modules(hiddenSize: hiddenSize).flatMap { index, plan -> [(name: String, shape: [Int])] in
      switch plan {
      case .linear(let inputs, let outputs, let bias), .decoder(let inputs, let outputs, let bias):
        [("\(index).weight", [outputs, inputs])] + (bias ? [("\(index).bias", [outputs])] : [])
      case .norm(let size): [("\(index).weight", [size]), ("\(index).bias", [size])]
      case .activation: []
      }
    }
  }
}
