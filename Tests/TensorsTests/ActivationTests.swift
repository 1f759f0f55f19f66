import Glibc
import Tensors
import TestSupport
import Testing

@Suite struct ActivationTests {
  /// The closed forms of transformers' `activations.py`, in float64.
  private func exact(_ activation: Activation, _ x: Double) -> Double {
    let gelu = 0.5 * x * erfc(-x / 2.0.squareRoot())
    switch activation {
    case .gelu, .geluPython: return gelu
    case .gelu10: return min(max(gelu, -10), 10)
    case .geluFast, .geluNew, .geluPytorchTanh, .geluPythonTanh, .geluAccurate:
      return 0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case .laplace: return 0.5 * (1 + erf((x - 0.707107) / (0.282095 * 2.0.squareRoot())))
    case .leakyRelu, .leakyrelu: return x >= 0 ? x : 0.01 * x
    case .linear: return x
    case .mish: return x * tanh(x > 30 ? x : log1p(exp(x)))
    case .quickGelu: return x / (1 + exp(-1.702 * x))
    case .relu: return max(x, 0)
    case .relu2: return max(x, 0) * max(x, 0)
    case .relu6: return min(max(x, 0), 6)
    case .sigmoid: return 1 / (1 + exp(-x))
    case .silu, .swish: return x / (1 + exp(-x))
    case .tanh: return tanh(x)
    }
  }

  @Test(arguments: Activation.allCases)
  func anActivationFollowsItsClosedForm(_ activation: Activation) {
    let grid: [Float] = (-240...240).map { Float($0) / 20 } + [-1e4, -100, -50, -30, 30, 50, 100, 1e4, -0.0, 1e-20]
    let x = Tensor(grid, rows: 7, columns: grid.count / 7 + (grid.count % 7 == 0 ? 0 : 1), padding: 0)
    let pass = Pass(TinyModel.compute)
    let y = pass.copy(x)
    pass.activate(y, activation)
    let sizes = x.array.map { Double(abs($0)) }
    expectClose(y.array, x.array.map { exact(activation, Double($0)) }, .op, sizes: sizes, activation.rawValue)
  }

  /// Negative control: no two of the functions are the same, apart from those that are one function by several names.
  @Test func differentActivationsDiffer() {
    let names: [[Activation]] = [
      [.gelu, .geluPython], [.gelu10], [.geluFast, .geluNew, .geluPytorchTanh, .geluPythonTanh, .geluAccurate],
      [.laplace], [.leakyRelu, .leakyrelu], [.linear], [.mish], [.quickGelu], [.relu], [.relu2], [.relu6], [.sigmoid],
      [.silu, .swish], [.tanh],
    ]
    #expect(names.flatMap { $0 }.count == Activation.allCases.count)
    let x = Tensor((-240...240).map { Float($0) / 20 }, rows: 1, columns: 481)
    let pass = Pass(TinyModel.compute)
    func apply(_ activation: Activation) -> [Float] {
      let y = pass.copy(x)
      pass.activate(y, activation)
      return y.array
    }
    for (index, group) in names.enumerated() {
      for other in names[(index + 1)...] { expectFarOff(apply(group[0]), apply(other[0]), by: .op) }
      for alias in group { expectClose(apply(alias), apply(group[0]), .op) }
    }
  }

  @Test func namesAreThoseOfTransformersInCapitalsOrNot() {
    #expect(Activation(named: "GELU_new") == .geluNew)
    #expect(Activation(named: "swish") == .swish)
    #expect(Activation(named: "LeakyReLU") == .leakyrelu)
    #expect(Activation(named: "gelu_old") == nil)
    #expect(Activation(named: "") == nil)
  }
}

extension Tensor {
  /// Values in rows, the last one filled up.
  fileprivate init(_ values: [Float], rows: Int, columns: Int, padding: Float) {
    self.init(
      values + Array(repeating: padding, count: rows * columns - values.count), rows: rows, columns: columns)
  }
}
