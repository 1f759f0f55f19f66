import Glibc
import Kernels
import TestSupport
import Testing

@Suite struct ElementaryTests {
  /// The largest error over a grid, in units of the last place of the exact value.
  private func worst(
    _ range: ClosedRange<Float>, steps: Int, _ apply: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void,
    _ exact: (Double) -> Double
  ) -> (ulps: Double, at: Float) {
    let x = (0...steps).map { range.lowerBound + (range.upperBound - range.lowerBound) * Float($0) / Float(steps) }
    var y = [Float](repeating: .nan, count: x.count)
    x.withUnsafeBufferPointer { x in
      y.withUnsafeMutableBufferPointer { y in
        if let from = x.baseAddress, let to = y.baseAddress { apply(from, to, x.count) }
      }
    }
    var worst = (ulps: 0.0, at: Float(0))
    for (x, y) in zip(x, y) {
      let expected = exact(Double(x))
      let ulps = abs(Double(y) - expected) / Double(max(Float(abs(expected)), .leastNormalMagnitude).ulp)
      if !(ulps <= worst.ulps) { worst = (ulps, x) }
    }
    return worst
  }

  /// Measured: 1.01 units in the last place; exp(r) on |r| <= ln 2 / 2 is a polynomial of degree 7.
  @Test(arguments: instructionSets)
  func expIsWithinTwoUnitsOfTheLastPlace(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for range: ClosedRange<Float> in [-87.25...0, -20...0, -1...1, -0.001...0.001, 0...88] {
      let worst = worst(range, steps: 1_000_003, { kernels.exp($0, into: $1, count: $2) }, exp)
      #expect(worst.ulps < 2, "exp(\(worst.at)) is \(worst.ulps) units off")
    }
  }

  /// Measured: 5.9 units in the last place with fused multiply-add, 7.2 without.
  @Test(arguments: instructionSets)
  func erfIsWithinEightUnitsOfTheLastPlace(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for range: ClosedRange<Float> in [-6...6, -1...1, 0...0.001, 0...0.5, 3...5, -1e-30...1e-30] {
      let worst = worst(range, steps: 1_000_003, { kernels.erf($0, into: $1, count: $2) }, erf)
      #expect(worst.ulps < 8, "erf(\(worst.at)) is \(worst.ulps) units off")
    }
  }

  /// Negative control: a function that is 1e-6 off is seen.
  @Test func theMeasureSeesAMillionth() {
    let worst = worst(-1...1, steps: 1_000, { x, y, count in for i in 0..<count { y[i] = expf(x[i]) * 1.000001 } }, exp)
    #expect(worst.ulps > 8)
  }

  @Test(arguments: instructionSets)
  func theEndsOfExpAndErfAreExact(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let infinite = Float.infinity
    let largest = Float.greatestFiniteMagnitude
    let x: [Float] = [0, -infinite, -largest, -1e6, -200, -88]
    var y = [Float](repeating: .nan, count: x.count)
    kernels.exp(x, into: &y, count: x.count)
    expectClose(y, [1, 0, 0, 0, 0, 0] as [Float], .exact)
    let far: [Float] = [0, infinite, -infinite, largest, -largest, 4, -4, 1e6]
    var z = [Float](repeating: .nan, count: far.count)
    kernels.erf(far, into: &z, count: far.count)
    expectClose(z, [0, 1, -1, 1, -1, 1, -1, 1] as [Float], .exact)
  }

  @Test(arguments: instructionSets)
  func nanStaysNaNInEveryLane(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    for count in [1, 4, 5, 16, 17, 33] {
      for place in 0..<count {
        let x = (0..<count).map { $0 == place ? Float.nan : 0.5 }
        for apply in [kernels.exp, kernels.erf] {
          var y = [Float](repeating: 7, count: count)
          apply(x, &y, count)
          #expect(y.indices.filter { y[$0].isNaN } == [place], "\(count) values, NaN at \(place)")
        }
      }
    }
  }

  /// Vectors of every width have ends that are not whole.
  @Test(arguments: instructionSets)
  func everyCountIsComputedAndNothingBehindIt(_ set: VectorKernels.InstructionSet) throws {
    let kernels = try kernels(set)
    let x = (0..<70).map { Float($0) * 0.1 - 3 }
    var whole = [Float](repeating: .nan, count: 70)
    kernels.exp(x, into: &whole, count: 70)
    for count in 0...69 {
      var y = [Float](repeating: -7, count: 70)
      kernels.exp(x, into: &y, count: count)
      expectClose(y, Array(whole[..<count]) + Array(repeating: -7, count: 70 - count), .exact)
    }
  }
}
