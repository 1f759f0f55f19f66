import Tensors
import TestSupport
import Testing

@Suite struct RandomNumberTests {
  /// The first values of SplitMix64 from 0, as its authors publish them.
  @Test func theGeneratorIsSplitMix64() {
    var random = RandomNumbers(seed: 0)
    #expect(random.next() == 0xE220_A839_7B1D_CDAF)
    #expect(random.next() == 0x6E78_9E6A_A1B9_65F4)
    #expect(random.next() == 0x06C4_5D18_8009_454F)
  }

  @Test func aSeedRepeatsEveryValueAndAnotherSeedNone() {
    func values(_ seed: UInt64) -> [Float] {
      var random = RandomNumbers(seed: seed)
      return (0..<100).flatMap { _ in [random.uniform(), random.normal(), random.normal(within: 2)] }
    }
    #expect(values(5) == values(5))
    #expect(zip(values(5), values(6)).allSatisfy { $0 != $1 })
  }

  /// Means and deviations within five standard errors.
  @Test func valuesHaveTheirDistributions() {
    var random = RandomNumbers(seed: 3)
    let count = 100_000
    func expect(_ values: [Float], mean: Double, deviation: Double) {
      let own = values.reduce(0) { $0 + Double($1) } / Double(count)
      let squares = values.reduce(0) { $0 + (Double($1) - own) * (Double($1) - own) } / Double(count)
      let error = deviation / Double(count).squareRoot()
      #expect(abs(own - mean) < 5 * error)
      #expect(abs(squares.squareRoot() - deviation) < 5 * error)
    }
    let uniform = (0..<count).map { _ in random.uniform() }
    #expect(uniform.allSatisfy { (0..<1).contains($0) })
    expect(uniform, mean: 0.5, deviation: (1.0 / 12).squareRoot())
    let normal = (0..<count).map { _ in random.normal() }
    expect(normal, mean: 0, deviation: 1)
    #expect(normal.contains { abs($0) > 3 })
    #expect((0..<count).allSatisfy { _ in abs(random.normal(within: 2)) <= 2 })
  }
}
