public import Checkpoints
internal import Glibc
internal import Kernels

/// The activations of transformers that have no weights, by their names there.
///
/// Source: transformers, `activations.py`, `ACT2FN`.
public enum Activation: String, Sendable, Hashable, CaseIterable {
  case gelu
  case gelu10 = "gelu_10"
  case geluFast = "gelu_fast"
  case geluNew = "gelu_new"
  case geluPython = "gelu_python"
  case geluPytorchTanh = "gelu_pytorch_tanh"
  case geluPythonTanh = "gelu_python_tanh"
  case geluAccurate = "gelu_accurate"
  case laplace
  case leakyRelu = "leaky_relu"
  case leakyrelu
  case linear
  case mish
  case quickGelu = "quick_gelu"
  case relu
  case relu2
  case relu6
  case sigmoid
  case silu
  case swish
  case tanh

  /// The activation of a name, in capitals or not.
  public init?(named name: String) { self.init(rawValue: name.lowercased()) }

  private static func exactGELU(_ x: Float) -> Float { 0.5 * x * (1 + erff(x * Float(0.5).squareRoot())) }

  /// The function of one value; `gelu` of many goes through a vector kernel instead.
  func callAsFunction(_ x: Float) -> Float {
    switch self {
    case .gelu, .geluPython: Self.exactGELU(x)
    case .gelu10: min(max(Self.exactGELU(x), -10), 10)
    case .geluFast, .geluNew, .geluPytorchTanh, .geluPythonTanh, .geluAccurate:
      0.5 * x * (1 + tanhf((2 / Float.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .laplace: 0.5 * (1 + erff((x - 0.707107) / (0.282095 * Float(2).squareRoot())))
    case .leakyRelu, .leakyrelu: x >= 0 ? x : 0.01 * x
    case .linear: x
    case .mish: x * tanhf(x > 20 ? x : log1pf(expf(x)))
    case .quickGelu: x / (1 + expf(-1.702 * x))
    case .relu: max(x, 0)
    case .relu2: x > 0 ? x * x : 0
    case .relu6: min(max(x, 0), 6)
    case .sigmoid: 1 / (1 + expf(-x))
    case .silu, .swish: x / (1 + expf(-x))
    case .tanh: tanhf(x)
    }
  }
}

extension Activation {
  /// The derivative at one value; 0 where PyTorch takes 0 at a corner.
  func derivative(_ x: Float) -> Float {
    func sigmoid(_ x: Float) -> Float { 1 / (1 + expf(-x)) }
    func normalDensity(_ x: Float) -> Float { expf(-0.5 * x * x) / (2 * Float.pi).squareRoot() }
    func exactGELU(_ x: Float) -> Float { 0.5 * (1 + erff(x * Float(0.5).squareRoot())) + x * normalDensity(x) }
    switch self {
    case .gelu, .geluPython: return exactGELU(x)
    case .gelu10: return abs(self(x)) < 10 ? exactGELU(x) : 0
    case .geluFast, .geluNew, .geluPytorchTanh, .geluPythonTanh, .geluAccurate:
      let root = (2 / Float.pi).squareRoot()
      let t = tanhf(root * (x + 0.044715 * x * x * x))
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x)
    case .laplace:
      let width = 0.282095 * Float(2).squareRoot()
      let u = (x - 0.707107) / width
      return expf(-u * u) / (Float.pi.squareRoot() * width)
    case .leakyRelu, .leakyrelu: return x > 0 ? 1 : 0.01
    case .linear: return 1
    case .mish:
      let t = tanhf(x > 20 ? x : log1pf(expf(x)))
      return t + x * (1 - t * t) * sigmoid(x)
    case .quickGelu:
      let s = sigmoid(1.702 * x)
      return s + 1.702 * x * s * (1 - s)
    case .relu: return x > 0 ? 1 : 0
    case .relu2: return x > 0 ? 2 * x : 0
    case .relu6: return x > 0 && x < 6 ? 1 : 0
    case .sigmoid: return sigmoid(x) * (1 - sigmoid(x))
    case .silu, .swish: return sigmoid(x) * (1 + x * (1 - sigmoid(x)))
    case .tanh:
      let t = tanhf(x)
      return 1 - t * t
    }
  }
}

extension ConfigurationFields {
  /// A member that names an activation.
  ///
  /// - Throws: `ConfigurationError.impossible`, with the names that are known.
  public func activation(_ key: String) throws(ConfigurationError) -> Activation? {
    guard let name = try string(key) else { return nil }
    guard let activation = Activation(named: name) else {
      let known = Activation.allCases.map(\.rawValue).joined(separator: ", ")
      throw .impossible(key: key, value: "the activation '\(name)'", expected: "one of \(known)", file: file)
    }
    return activation
  }
}
