import Tensors
import TestSupport
import Testing

/// An op that the laws of the tape are tried on.
struct OpExample: Sendable, CustomTestStringConvertible {
  /// What an input holds.
  struct Input: Sendable {
    let rows, columns: Int
    var values = Values.normal
  }

  enum Values {
    case normal
    /// Far enough from the corners of activations, -10, 0, 6 and 10, that no difference goes over one.
    case awayFromCorners
    /// Between 0.5 and 1.5.
    case positive
  }

  let name: String
  let inputs: [Input]
  let op: @Sendable (Pass, [Tensor]) -> Tensor

  var testDescription: String { name }

  init(_ name: String, _ inputs: [Input], _ op: @escaping @Sendable (Pass, [Tensor]) -> Tensor) {
    (self.name, self.inputs, self.op) = (name, inputs, op)
  }

  /// Where the inputs lie in memory.
  enum Layout: CaseIterable {
    case whole, firstColumns, innerColumns, innerRows
  }

  /// Inputs in a layout, each in storage of its own.
  func tensors(_ layout: Layout, seed: UInt64) -> [Tensor] {
    inputs.enumerated().map { index, input in
      var random = RandomNumbers(seed: seed &+ UInt64(index))
      let (rows, columns) = (input.rows, input.columns)
      func around(_ above: Int, _ before: Int, _ below: Int, _ behind: Int) -> Tensor {
        let (height, width) = (above + rows + below, before + columns + behind)
        // What lies around a view is not a number: an op that reads it spoils its result.
        let whole = Tensor(Array(repeating: .nan, count: height * width), rows: height, columns: width)
        return whole.rows(above..<above + rows).columns(before..<before + columns)
      }
      let tensor =
        switch layout {
        case .whole: around(0, 0, 0, 0)
        case .firstColumns: around(0, 0, 0, 3)
        case .innerColumns: around(0, 2, 0, 5)
        case .innerRows: around(2, 0, 1, 0)
        }
      tensor.write((0..<rows * columns).map { _ in input.values.draw(&random) })
      return tensor
    }
  }

  /// The result, by a pass whose dropout is always the same.
  func callAsFunction(_ inputs: [Tensor], _ compute: Compute = TinyModel.compute, tape: Tape? = nil) -> Tensor {
    op(Pass(compute, tape: tape, dropout: DropoutSeed(seed: 5, step: 1)), inputs)
  }

  /// The gradients of a projection of the result; nil for inputs that are not tracked.
  func gradients(
    _ inputs: [Tensor], tracking tracked: Set<Int>, _ compute: Compute = TinyModel.compute, recomputing: Bool = false
  ) -> [Tensor?] {
    let tape = Tape(compute)
    for index in tracked { tape.watch(inputs[index]) }
    let pass = Pass(compute, tape: tape, dropout: DropoutSeed(seed: 5, step: 1), recomputes: recomputing)
    tape.backward(from: Projection().loss(op(pass, inputs), on: pass))
    return inputs.map { tape.gradient(of: $0) }
  }
}

extension OpExample.Values {
  fileprivate func draw(_ random: inout RandomNumbers) -> Float {
    switch self {
    case .normal: return random.normal()
    case .positive: return 0.5 + random.uniform()
    case .awayFromCorners:
      while true {
        let value = 5 * random.normal()
        if [-10, 0, 6, 10].allSatisfy({ abs(value - $0) > 0.25 }) { return value }
      }
    }
  }
}

// MARK: - All ops

extension OpExample {
  /// Every op for matrices of a shape, with what else it takes.
  static func all(_ m: Int, _ n: Int) -> [OpExample] {
    activations(m, n) + elementwise(m, n) + products(m, n) + norms(m, n) + ofRows(m, n) + losses(m, n) + chains(m, n)
  }

  static func activations(_ m: Int, _ n: Int) -> [OpExample] {
    Activation.allCases.map { activation in
      OpExample("activation \(activation)", [Input(rows: m, columns: n, values: .awayFromCorners)]) { pass, x in
        let y = pass.copy(x[0])
        pass.activate(y, activation)
        return y
      }
    }
  }

  private static func elementwise(_ m: Int, _ n: Int) -> [OpExample] {
    let x = Input(rows: m, columns: n)
    // An empty run, and rows of no run.
    let runs = [0..<m / 2, m / 2..<m / 2, m / 2..<max(m / 2, m - 1)]
    return [
      OpExample("dropout", [x]) { pass, x in
        let y = pass.copy(x[0])
        pass.dropout(y, 0.3)
        return y
      },
      OpExample("add", [x, x]) { pass, x in
        let y = pass.copy(x[1])
        pass.add(x[0], times: -0.7, to: y)
        return y
      },
      OpExample("scaled", [x]) { pass, x in pass.scaled(x[0], by: -1.5) },
      OpExample("scale", [x]) { pass, x in
        let y = pass.copy(x[0])
        pass.scale(y, by: 3)
        return y
      },
      OpExample("copy into rows", [x, x]) { pass, x in
        let y = pass.copy(x[1])
        pass.copy(x[0].rows(0..<1), into: y.rows(m - 1..<m))
        return y
      },
      OpExample("scaleColumns", [x, Input(rows: 1, columns: n)]) { pass, x in
        let y = pass.copy(x[0])
        pass.scaleColumns(y, by: x[1])
        return y
      },
      OpExample("scale by a tensor", [x, Input(rows: 1, columns: 1)]) { pass, x in
        let y = pass.copy(x[0])
        pass.scale(y, by: x[1])
        return y
      },
      OpExample("scaleRows", [x, Input(rows: 3, columns: 1)]) { pass, x in
        let y = pass.copy(x[0])
        pass.scaleRows(y, runs, by: x[1])
        return y
      },
      OpExample("quotient", [x, Input(rows: m, columns: n, values: .positive)]) { pass, x in
        pass.quotient(x[0], x[1])
      },
      OpExample("kroneckerSum", [x, x, Input(rows: 2, columns: 3), Input(rows: 2, columns: 3)]) { pass, x in
        pass.kroneckerSum([x[2], x[3]], [x[0], x[1]])
      },
    ]
  }

  private static func products(_ m: Int, _ n: Int) -> [OpExample] {
    let k = 7
    let (x, w, b) = (Input(rows: m, columns: n), Input(rows: k, columns: n), Input(rows: 1, columns: k))
    return [
      OpExample("linear", [x, w, b]) { pass, x in pass.linear(x[0], pass.layer(weight: x[1], bias: x[2])) },
      OpExample("linear without bias", [x, w]) { pass, x in pass.linear(x[0], pass.layer(weight: x[1])) },
      OpExample("linearGELU", [x, w, b]) { pass, x in pass.linearGELU(x[0], pass.layer(weight: x[1], bias: x[2])) },
      OpExample("addLinear", [x, w, Input(rows: m, columns: k)]) { pass, x in
        let y = pass.copy(x[2])
        pass.addLinear(x[0], pass.layer(weight: x[1]), to: y)
        return y
      },
      OpExample("product", [x, Input(rows: n, columns: k)]) { pass, x in pass.product(x[0], x[1]) },
      OpExample("addProduct", [x, Input(rows: n, columns: k), Input(rows: m, columns: k)]) { pass, x in
        let y = pass.copy(x[2])
        pass.addProduct(x[0], x[1], to: y)
        return y
      },
    ]
  }

  private static func norms(_ m: Int, _ n: Int) -> [OpExample] {
    let (x, gain) = (Input(rows: m, columns: n), Input(rows: 1, columns: n))
    // Large enough that rows of few values are no steps.
    let eps: Float = 0.5
    return [
      OpExample("norm", [x, gain, gain]) { pass, x in pass.norm(x[0], LayerNorm(gain: x[1], bias: x[2], eps: eps)) },
      OpExample("norm of a sum", [x, x, gain, gain]) { pass, x in
        pass.norm(x[0], plus: x[1], LayerNorm(gain: x[2], bias: x[3], eps: eps))
      },
      OpExample("norm in place", [x, x, gain, gain]) { pass, x in
        let y = pass.copy(x[0])
        pass.norm(y, plus: x[1], LayerNorm(gain: x[2], bias: x[3], eps: eps), into: y)
        return y
      },
      OpExample("norm over another tensor", [x, x, gain, gain]) { pass, x in
        let y = pass.copy(x[1])
        pass.norm(x[0], LayerNorm(gain: x[2], bias: x[3], eps: eps), into: y)
        return y
      },
    ]
  }

  private static func ofRows(_ m: Int, _ n: Int) -> [OpExample] {
    let (x, column) = (Input(rows: m, columns: n), Input(rows: m, columns: 1))
    return [
      OpExample("gather rows", [x]) { pass, x in pass.gather(x[0], rows: [m - 1, nil, 0, m / 2, m - 1]) },
      OpExample("gather elements", [x]) { pass, x in
        pass.gather(x[0], elements: [m * n - 1, 0, m * n / 2, 0, m * n - 1, n - 1], rows: 2, columns: 3)
      },
      OpExample("transposed", [x]) { pass, x in pass.transposed(x[0]) },
      OpExample("rowNorms", [Input(rows: m, columns: n, values: .positive)]) { pass, x in pass.rowNorms(x[0]) },
      OpExample("columnNorms", [Input(rows: m, columns: n, values: .positive)]) { pass, x in pass.columnNorms(x[0]) },
      OpExample("elementProduct", [x, x]) { pass, x in pass.elementProduct(x[0], x[1]) },
      OpExample("inverse", [Input(rows: 3, columns: 3)]) { pass, x in
        // Far from singular.
        let y = pass.scaled(x[0], by: 0.2)
        for index in 0..<3 { y[index, index] += 1 }
        return pass.inverse(y)
      },
      OpExample("skewSymmetric", [Input(rows: 1, columns: 6)]) { pass, x in pass.skewSymmetric(x[0], size: 4) },
      OpExample("sigmoidMeans", [column]) { pass, x in
        pass.sigmoidMeans(x[0], of: [0..<m / 2, m / 2..<m / 2, m / 2..<m])
      },
      OpExample("rowProducts", [x, x, Input(rows: m, columns: 3)]) { pass, x in
        let y = pass.copy(x[2])
        pass.rowProducts(x[0], x[1], into: y.columns(1..<2))
        return y
      },
      OpExample("softmax", [x]) { pass, x in
        let y = pass.copy(x[0])
        pass.softmax(y)
        return y
      },
      OpExample("add times rows", [x, column, x]) { pass, x in
        let y = pass.copy(x[2])
        pass.add(x[0], timesRows: x[1], to: y)
        return y
      },
      OpExample("replace by x times rows", [x, column, x]) { pass, x in
        let y = pass.copy(x[2])
        pass.add(x[0], timesRows: x[1], to: y, replacing: true)
        return y
      },
    ]
  }

  private static func losses(_ m: Int, _ n: Int) -> [OpExample] {
    let (logits, scores) = (Input(rows: m, columns: n), Input(rows: m, columns: 1))
    let targets = (0..<m).map { $0 % 4 == 3 ? Pass.ignoredTarget : Int32($0 * 7 % n) }
    let weighted = CrossEntropyOptions(labelSmoothing: 0.2, classWeights: (0..<n).map { 0.5 + Double($0 % 3) })
    let runs = [0..<m / 2, m / 2..<m / 2, m / 2..<m]
    return [
      OpExample("crossEntropy", [logits]) { pass, x in pass.crossEntropy(x[0], targets) },
      OpExample("crossEntropy with options", [logits]) { pass, x in pass.crossEntropy(x[0], targets, weighted) },
      OpExample("binaryCrossEntropy", [logits]) { pass, x in
        pass.binaryCrossEntropy(x[0], (0..<m).map { row in (0..<n).map { (row + $0) % 3 == 0 } })
      },
      OpExample("binaryCrossEntropy with weights", [logits]) { pass, x in
        pass.binaryCrossEntropy(
          x[0], (0..<m).map { row in (0..<n).map { (row + $0) % 3 == 0 } },
          positiveWeights: (0..<n).map { 0.5 + Double($0 % 4) })
      },
      OpExample("meanSquaredError", [scores]) { pass, x in
        pass.meanSquaredError(x[0], (0..<m).map { Float($0 % 5) - 2 })
      },
      OpExample("crossEntropy over runs", [scores]) { pass, x in
        pass.crossEntropy(x[0], over: runs, runs.map { $0.isEmpty ? nil : $0.count - 1 })
      },
      OpExample("weightedSum", [Input(rows: 1, columns: 1), Input(rows: 1, columns: 1)]) { pass, x in
        pass.weightedSum([(x[0], 0.25), (x[1], -2), (x[0], 1)])
      },
    ]
  }

  /// Views, in-place changes one after another, and tensors that are used more than once.
  private static func chains(_ m: Int, _ n: Int) -> [OpExample] {
    let x = Input(rows: m, columns: n)
    return [
      OpExample("a tensor added to itself", [x]) { pass, x in
        let y = pass.copy(x[0])
        pass.add(y, times: 0.5, to: y)
        pass.add(x[0], times: 2, to: y)
        return y
      },
      OpExample("a tensor times itself", [Input(rows: n, columns: n)]) { pass, x in pass.product(x[0], x[0]) },
      OpExample("in-place chain", [x, Input(rows: 1, columns: n)]) { pass, x in
        let y = pass.copy(x[0])
        pass.scaleColumns(y, by: x[1])
        pass.activate(y, .tanh)
        pass.dropout(y, 0.25)
        pass.scale(y, by: -2)
        pass.scaleColumns(y, by: x[1])
        // The gradient of softmax needs its result: nothing may change it.
        pass.softmax(y)
        return y
      },
      OpExample("in-place chain on part of the columns", [x, x]) { pass, x in
        let y = pass.copy(x[0])
        let (first, last) = (y.columns(0..<(n + 1) / 2), y.columns(n / 2..<n))
        pass.activate(first, .silu)
        pass.scale(last, by: -3)
        pass.add(x[1].columns(n / 2..<n), to: last)
        pass.activate(last, .tanh)
        return y
      },
      OpExample("parts of the columns read", [x]) { pass, x in
        let y = pass.scaled(x[0], by: 2)
        let middle = (n + 1) / 2
        let first = pass.scaled(y.columns(0..<middle), by: 3)
        pass.add(y.columns(n - middle..<n), to: first)
        return first
      },
      OpExample("parts of the rows read", [x]) { pass, x in
        let y = pass.scaled(x[0], by: 2)
        let z = pass.scaled(y.rows(0..<1), by: 3)
        pass.add(y.rows(m - 1..<m), to: z)
        return z
      },
      OpExample("parts filled one after the other", [x, x]) { pass, x in
        let y = pass.tensor(rows: m, columns: 2 * n)
        pass.copy(x[0], into: y.columns(0..<n))
        pass.copy(x[1], into: y.columns(n..<2 * n))
        pass.scale(y, by: 2)
        // What was here first has no part in the result.
        pass.copy(x[1], into: y.columns(0..<n))
        return y
      },
      OpExample("replaced by what is not tracked", [x, x]) { pass, x in
        let y = pass.copy(x[0])
        pass.activate(y, .tanh)
        pass.norm(x[1], LayerNorm(gain: x[1].rows(0..<1), bias: x[1].rows(0..<1), eps: 0.5), into: y)
        return y
      },
      OpExample("recomputed", [x, Input(rows: n, columns: n)]) { pass, x in
        let weight = x[1]
        return pass.recomputed(x[0]) { x, pass in
          let y = pass.linear(x, pass.layer(weight: weight))
          pass.dropout(y, 0.25)
          pass.activate(y, .gelu)
          return pass.recomputed(y) { y, pass in
            let z = pass.linear(y, pass.layer(weight: weight))
            pass.dropout(z, 0.25)
            return z
          }
        }
      },
    ]
  }
}
