extension HeadSettings {
  /// The tensors of such a head with their shapes, as they are saved below `heads.NAME.`; nothing of their size is made.
  ///
  /// - Parameter hiddenSize: the model's.
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
