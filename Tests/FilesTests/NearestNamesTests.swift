import Files
import Testing

@Suite struct NearestNamesTests {
  @Test func theClosestNamesComeFirst() {
    let names = ["encoder.layer.0.bias", "encoder.layer.0.weigth", "encoder.layer.1.weight", "pooler.dense.weight"]
    #expect(
      NearestNames.of("encoder.layer.0.weight", in: names, limit: 2)
        == ["encoder.layer.0.weigth", "encoder.layer.1.weight"])
  }

  @Test func aNameWithAnotherPrefixIsFound() {
    let names = ["deberta.encoder.layer.0.attention.output.dense.weight", "lm_head.bias"]
    #expect(NearestNames.of("encoder.layer.0.attention.output.dense.weight", in: names) == [names[0]])
  }

  @Test func nothingAlikeIsNoHint() {
    #expect(NearestNames.of("weight", in: ["qqqqqqqqqq", "zzzzzz"]) == [])
    #expect(NearestNames.of("weight", in: ["weight"], limit: 0) == [])
    #expect(NearestNames.of("", in: ["a"]) == [])
  }

  @Test func manyLongNamesCostABoundedTime() {
    let names = (0..<20_000).map { "\($0)" + String(repeating: "x", count: 4000) }
    let clock = ContinuousClock()
    let elapsed = clock.measure { _ = NearestNames.of(String(repeating: "y", count: 4096), in: names) }
    #expect(elapsed < .seconds(20))
  }
}
