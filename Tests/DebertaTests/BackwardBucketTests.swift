import AdapterHost
import Checkpoints
import Deberta
import Foundation
import Tensors
import TestSupport
import Testing

/// Relative positions whose buckets run backwards: maximum - 1 is less than half of them.
///
/// With 16 buckets and a maximum of 8 the logarithm of (8 - 1) / (16 / 2) is
/// negative. Distances beyond 8 have ever smaller rows, and from 10 on those of
/// the other side, as in the reference.
@Suite struct BackwardBucketTests {
  private static let positions = RelativePositions(buckets: 16, maximum: 8)
  private static let length = 23

  /// The formula of `RelativePositions`, written out for mid = 8.
  private func row(_ distance: Int) -> Int {
    let size = Double(abs(distance))
    let bucket = size <= 8 ? size : (log(size / 8) / log(7.0 / 8) * 7).rounded(.up) + 8
    return min(max(16 + distance.signum() * Int(bucket), 0), 31)
  }

  @Test func rowsOfFarDistancesRunBackwards() {
    for distance in -40...40 { #expect(Self.positions.row(ofDistance: distance) == row(distance), "\(distance)") }
    #expect(row(8) == 24 && row(9) == 18 && row(10) == 13 && row(40) == 0)
    #expect(Self.positions.farDistance > 1 << 30)
    // Negative control: with a larger maximum rows rise.
    let rising = RelativePositions(buckets: 16, maximum: 40)
    #expect((-40...39).allSatisfy { rising.row(ofDistance: $0) <= rising.row(ofDistance: $0 + 1) })
  }

  /// The tiny base with another maximum.
  private func model(maximum: Int) throws -> DebertaV2AdapterModel {
    let folder = try TemporaryFolder()
    var settings = try ConfigurationFields(path: Fixtures.base("v3") + "/config.json").members
    settings["max_relative_positions"] = .integer(maximum)
    try JSONValue.object(settings).write(to: folder.path("config.json"))
    try FileManager.default.copyItem(
      atPath: Fixtures.base("v3") + "/model.safetensors", toPath: folder.path("model.safetensors"))
    return try DebertaV2AdapterModel(folder: folder.path, compute: TinyModel.compute)
  }

  @Test func attentionFollowsTheFormulaOfItsScores() throws {
    let model = try model(maximum: 8)
    #expect(model.configuration.relativePositions == Self.positions)
    let trace = Trace([.hiddenStates, .attentions])
    _ = try model(TinyModel.ids([Self.length]), trace: trace)
    let ours = try #require(trace.attentions.first?.first).array
    let expected = try naiveAttention(of: trace.hiddenStates[0])
    expectClose(ours, expected, .model)
    // Negative control: those of the usual maximum are others.
    let usual = Trace([.attentions])
    _ = try self.model(maximum: 40)(TinyModel.ids([Self.length]), trace: usual)
    expectFarOff(try #require(usual.attentions.first?.first).array, expected)
  }

  /// softmax((qᵢ·kⱼ + qᵢ·K[δ] + kⱼ·Q[δ]) / √(3 D)) of the first layer, head by head. x [N, 48]
  private func naiveAttention(of x: Tensor) throws -> [Double] {
    let file = try TensorFile(path: Fixtures.base("v3") + "/model.safetensors")
    func values(_ name: String) throws -> [Double] {
      let stored = try #require(file.tensors.first { $0.name == name || $0.name == "deberta." + name }, "\(name)")
      return try stored.floats().map { Double($0) }
    }
    let width = 48
    let (gain, bias) = (try values("encoder.LayerNorm.weight"), try values("encoder.LayerNorm.bias"))
    let table = try values("encoder.rel_embeddings.weight")
    let positions = (0..<32).map { row -> [Double] in
      let own = table[row * width..<(row + 1) * width]
      let mean = own.reduce(0, +) / Double(width)
      let deviation = (own.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width) + 1e-7).squareRoot()
      return zip(own, zip(gain, bias)).map { ($0 - mean) / deviation * $1.0 + $1.1 }
    }
    let states = (0..<Self.length).map { row in x.rows(row..<row + 1).array.map { Double($0) } }
    func projected(_ rows: [[Double]], _ name: String) throws -> [[Double]] {
      let path = "encoder.layer.0.attention.self.\(name)_proj"
      let (weight, bias) = (try values(path + ".weight"), try values(path + ".bias"))
      return rows.map { row in
        (0..<width).map { out in (0..<width).reduce(bias[out]) { $0 + weight[out * width + $1] * row[$1] } }
      }
    }
    let (q, k) = (try projected(states, "query"), try projected(states, "key"))
    let (positionKeys, positionQueries) = (try projected(positions, "key"), try projected(positions, "query"))
    let size = width / 4
    return (0..<4).flatMap { head -> [Double] in
      let columns = head * size..<(head + 1) * size
      func dot(_ a: [Double], _ b: [Double]) -> Double { columns.reduce(0) { $0 + a[$1] * b[$1] } }
      return (0..<Self.length).flatMap { i -> [Double] in
        let powers = (0..<Self.length).map { j -> Double in
          let row = self.row(i - j)
          let score = dot(q[i], k[j]) + dot(q[i], positionKeys[row]) + dot(k[j], positionQueries[row])
          return exp(score / Double(3 * size).squareRoot())
        }
        return powers.map { $0 / powers.reduce(0, +) }
      }
    }
  }
}
