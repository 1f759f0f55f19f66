import Glibc
import Kernels
import Tensors
import TestSupport
import Testing

/// Random values.
private func tensor(_ rows: Int, _ columns: Int, seed: UInt64, times factor: Float = 1) -> Tensor {
  var random = RandomNumbers(seed: seed)
  return Tensor((0..<rows * columns).map { _ in factor * random.normal() }, rows: rows, columns: columns)
}

@Suite struct PassTests {
  private let pass = Pass(TinyModel.compute)

  @Test func slicesShareTheirValues() {
    let whole = Tensor((0..<12).map(Float.init), rows: 3, columns: 4)
    #expect(whole.rows(1..<3).array == [4, 5, 6, 7, 8, 9, 10, 11])
    #expect(whole.columns(1..<3).array == [1, 2, 5, 6, 9, 10])
    #expect(whole.rows(1..<2).columns(2..<4).array == [6, 7])
    #expect(whole.rows(1..<1).array.isEmpty)
    pass.scale(whole.rows(1..<2).columns(2..<4), by: 10)
    #expect(whole.array == [0, 1, 2, 3, 4, 5, 60, 70, 8, 9, 10, 11])
  }

  /// x = [1 2], W = [3 4; 5 6; 7 8], b = [10 20 30]: y = [3 + 8 + 10, 5 + 12 + 20, 7 + 16 + 30].
  @Test func aLinearLayerIsXTimesWTransposedPlusB() {
    let layer = Linear(
      weight: Tensor([3, 4, 5, 6, 7, 8], rows: 3, columns: 2), bias: Tensor([10, 20, 30], rows: 1, columns: 3),
      TinyModel.compute)
    #expect(layer.inputs == 2 && layer.outputs == 3)
    let x = Tensor([1, 2], rows: 1, columns: 2)
    #expect(pass.linear(x, layer).array == [21, 37, 53])
    let y = Tensor([1, 1, 1], rows: 1, columns: 3)
    pass.addLinear(x, Linear(weight: layer.weight, bias: nil), to: y)
    #expect(y.array == [12, 18, 24])
  }

  /// Large enough that rows and panels are split over threads in several ways.
  @Test(arguments: [(300, 200, 500), (1, 768, 3072), (113, 3072, 70), (57, 48, 144)])
  func theNumberOfThreadsChangesNoBitOfAProduct(_ rows: Int, _ inputs: Int, _ outputs: Int) {
    let results = [1, 2, 3].map { threads in
      let compute = Compute(threads: threads)
      let layer = Linear(
        weight: tensor(outputs, inputs, seed: 1, times: 0.05), bias: tensor(1, outputs, seed: 2), compute)
      return Pass(compute).linearGELU(tensor(rows, inputs, seed: 3), layer).array
    }
    #expect(results[0].count == rows * outputs && results[0].contains { $0 > 0.1 })
    expectClose(results[1], results[0], .exact)
    expectClose(results[2], results[0], .exact)
  }

  /// Rounded rows split over threads have the bits of rounded rows together.
  @Test(arguments: [(300, 200, 500), (1, 768, 3072), (113, 3071, 70), (57, 49, 144)])
  func theNumberOfThreadsChangesNoBitOfARoundedProduct(_ rows: Int, _ inputs: Int, _ outputs: Int) {
    for rounding in Rounding.allCases {
      let results = [1, 2, 3].map { threads in
        let compute = Compute(threads: threads)
        let layer = Pass(compute).layer(
          weight: WeightMatrix(tensor(outputs, inputs, seed: 1, times: 0.05)), bias: tensor(1, outputs, seed: 2),
          roundedTo: rounding)
        return Pass(compute).linearGELU(tensor(rows, inputs, seed: 3), layer).array
      }
      expectClose(results[1], results[0], .exact)
      expectClose(results[2], results[0], .exact)
    }
  }

  /// dx = dy W, with W as products see it.
  @Test(arguments: Rounding.allCases)
  func theGradientOfARoundedLayerGoesThroughItsRoundedWeight(_ rounding: Rounding) {
    let (w, x) = (tensor(70, 33, seed: 1), tensor(21, 33, seed: 3))
    func gradient(_ layer: Linear) -> [Float] {
      let tape = Tape(TinyModel.compute)
      let pass = Pass(TinyModel.compute, tape: tape)
      let x = pass.copy(x)
      tape.watch(x)
      let sum = pass.product(pass.product(tensor(1, 21, seed: 4), pass.linear(x, layer)), tensor(70, 1, seed: 5))
      tape.backward(from: sum)
      return tape.gradient(of: x)?.array ?? []
    }
    let rounded = pass.layer(weight: WeightMatrix(w), roundedTo: rounding)
    let same = Linear(weight: TinyModel.compute.unpacked(rounded.weight), TinyModel.compute)
    let exact = gradient(Linear(weight: w, TinyModel.compute))
    #expect(exact.count == 21 * 33)
    expectFarOff(gradient(rounded), exact, by: .op)
    expectClose(gradient(rounded), gradient(same), .exact)
  }

  @Test func fusedGELUIsGELUAfterTheLayer() {
    let layer = Linear(weight: tensor(70, 33, seed: 1), bias: tensor(1, 70, seed: 2), TinyModel.compute)
    let x = tensor(21, 33, seed: 3)
    let y = pass.linear(x, layer)
    let fused = pass.linearGELU(x, layer).array
    expectFarOff(fused, y.array, by: .op)
    pass.activate(y, .gelu)
    expectClose(fused, y.array, .exact)
  }

  @Test func aPackedWeightIsUnpackedBitForBit() {
    let weight = tensor(97, 31, seed: 1)
    let packed = TinyModel.compute.packed(weight)
    expectClose(TinyModel.compute.unpacked(packed).array, weight.array, .exact)
  }

  @Test func anAddedProductIsThatOfPlainMatrices() {
    let y = Tensor([1, 2, 3, 4], rows: 2, columns: 2)
    pass.addProduct(
      Tensor([1, 2, 3, 4, 5, 6], rows: 2, columns: 3), Tensor([1, 0, 0, 1, 1, 1], rows: 3, columns: 2), to: y)
    // [1 2 3; 4 5 6] [1 0; 0 1; 1 1] = [4 5; 10 11]
    #expect(y.array == [5, 7, 13, 15])
  }

  @Test func rowsAreGatheredScaledAndAdded() {
    let x = Tensor([1, 2, 3, 4, 5, 6], rows: 3, columns: 2)
    #expect(pass.gather(x, rows: [2, 0, 2]).array == [5, 6, 1, 2, 5, 6])
    #expect(pass.scaled(x, by: -2).array == [-2, -4, -6, -8, -10, -12])
    let y = pass.copy(x)
    pass.add(x, times: 3, to: y)
    #expect(y.array == [4, 8, 12, 16, 20, 24])
    pass.scaleColumns(y, by: Tensor([1, -1], rows: 1, columns: 2))
    #expect(y.array == [4, -8, 12, -16, 20, -24])
    pass.scale(y.rows(0..<1), by: 0.5)
    #expect(y.array == [2, -4, 12, -16, 20, -24])
    #expect(x.array == [1, 2, 3, 4, 5, 6])
  }

  /// sigmoid(0) = 1/2; sigmoid(ln 3) = 3/4.
  @Test func aGateIsAsOpenAsItsMeanSigmoid() {
    let gate = Linear(
      weight: Tensor([1], rows: 1, columns: 1), bias: Tensor([0], rows: 1, columns: 1), TinyModel.compute)
    let x = Tensor([0, logf(3)], rows: 2, columns: 1)
    let openings = pass.sigmoidMeans(pass.linear(x, gate), of: [0..<2, 0..<1, 1..<1])
    expectClose(openings.array, [0.625, 0.5, 0], .op)
  }

  @Test func normsOfManyRowsAreThoseOfEachRow() {
    let x = tensor(100, 48, seed: 1)
    let norm = LayerNorm(gain: tensor(1, 48, seed: 2), bias: tensor(1, 48, seed: 3), eps: 1e-7)
    let whole = pass.norm(x, norm)
    for row in [0, 31, 32, 99] {
      expectClose(pass.norm(x.rows(row..<row + 1), norm).array, whole.rows(row..<row + 1).array, .exact)
    }
    let y = pass.copy(x)
    pass.norm(y, plus: y, norm, into: y)
    expectFarOff(y.array, x.array, by: .op)
  }

  @Test func aTraceKeepsWhatIsRecordedInOrder() {
    let trace = Trace([.hiddenStates, .gatingScores])
    #expect(trace.kinds.contains(.gatingScores) && !trace.kinds.contains(.attentions))
    trace.record(gate: [1, 2], adapter: "a", layer: 3, place: "p")
    trace.record(gate: [4, 5], adapter: "a", layer: 3, place: "p")
    trace.record(hiddenStates: Tensor([1], rows: 1, columns: 1))
    #expect(trace.gates == ["a/3/p": [[1, 2], [4, 5]]])
    #expect(trace.hiddenStates.map(\.array) == [[1]])
  }
}
