import AdapterHost
import Checkpoints
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Heads

@Suite struct DecoderTests {
  private let compute = TinyModel.compute

  private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) -> Tensor {
    var random = RandomNumbers(seed: seed)
    return Tensor((0..<rows * columns).map { _ in random.normal() }, rows: rows, columns: columns)
  }

  private func head(
    _ vocabulary: Int, embeddingSize: Int = 48, layers: Int = 2, tiedTo words: WeightMatrix? = nil
  ) -> PredictionHead {
    PredictionHead(
      HeadSettings(maskedLMOf: vocabulary, embeddingSize: embeddingSize, layers: layers), hiddenSize: 48,
      layerNormEps: 1e-7, deviation: 0.3, seed: 2, tiedTo: words, compute)
  }

  private func decoder(_ head: PredictionHead) throws -> Decoder {
    guard case .decoder(let decoder)? = head.modules.last?.module else { throw NoDecoder() }
    return decoder
  }

  private struct NoDecoder: Error {}

  /// Negative control: the pieces of the table are not exchanged.
  @Test func otherRowsAreOtherScores() throws {
    let (words, x) = (matrix(3001, 48, seed: 1), matrix(5, 48, seed: 2))
    let reversed = Tensor((0..<3001).reversed().flatMap { words.rows($0..<$0 + 1).array }, rows: 3001, columns: 48)
    let pass = Pass(compute)
    let scores = pass.scores(x, Decoder(weight: WeightMatrix(words), bias: nil))
    expectFarOff(scores.array, pass.scores(x, Decoder(weight: WeightMatrix(reversed), bias: nil)).array)
  }

  /// y = x Wᵀ + b, with the bits of a packed layer, however the table is cut into pieces.
  @Test(arguments: [(1, 97, 48), (5, 3001, 48), (130, 1361, 48), (3, 17, 1), (2, 40, 5000), (1, 20_001, 500)])
  func scoresAreThoseOfALinearLayer(_ tokens: Int, _ vocabulary: Int, _ width: Int) {
    let (words, x) = (matrix(vocabulary, width, seed: 1), matrix(tokens, width, seed: 2))
    let bias = matrix(1, vocabulary, seed: 3)
    let pass = Pass(compute)
    let scores = pass.scores(x, Decoder(weight: WeightMatrix(words), bias: bias))
    expectClose(scores.array, pass.linear(x, Linear(weight: words, bias: bias, compute)).array, .exact)
    #expect(scores.rows == tokens && scores.columns == vocabulary)
  }

  @Test func noTokensHaveNoScores() {
    let scores = Pass(compute).scores(
      matrix(0, 48, seed: 1), Decoder(weight: WeightMatrix(matrix(97, 48, seed: 2)), bias: nil))
    #expect(scores.rows == 0 && scores.columns == 97)
  }

  @Test func aTiedDecoderSharesTheWordsMemory() throws {
    let words = matrix(97, 48, seed: 1)
    #expect(try decoder(head(97, tiedTo: WeightMatrix(words))).weight.values.base == words.pointer)
    #expect(try decoder(head(97)).weight.values.base != words.pointer)
    let narrow = try decoder(head(97, embeddingSize: 24, tiedTo: WeightMatrix(words)))
    #expect(narrow.weight.columns == 24 && narrow.weight.rows == 97)
  }

  /// Activations count, and layer norms: 0, 2, 3 for two layers.
  @Test(arguments: [(1, [0]), (2, [0, 2, 3]), (3, [0, 2, 3, 5, 6])])
  func modulesGoByTheNumbersOfTheReference(_ layers: Int, _ numbers: [Int]) {
    let names = head(97, layers: layers).tensors(compute).map(\.name)
    #expect(names == numbers.flatMap { ["\($0).weight", "\($0).bias"] })
  }

  @Test func settingsWithoutNormsHaveNone() throws {
    var members = HeadSettings(maskedLMOf: 97, embeddingSize: 48).members
    members["layer_norm"] = .bool(false)
    let settings = try HeadSettings(ConfigurationFields(.object(members), file: "head_config.json"))
    let head = PredictionHead(
      settings, hiddenSize: 48, layerNormEps: 1e-7, deviation: 0.3, seed: 2, compute)
    #expect(head.tensors(compute).map(\.name) == ["0.weight", "0.bias", "2.weight", "2.bias"])
  }

  @Test func freshSettingsAreReadBack() throws {
    let own = HeadSettings(maskedLMOf: 97, embeddingSize: 24, layers: 3, activation: .silu)
    let again = try HeadSettings(ConfigurationFields(.object(own.members), file: "head_config.json"))
    #expect(again.kind == .maskedLM && again.outputs == 97 && again.members == own.members)
    #expect(again.embeddingSize == 24 && again.layers == 3 && again.activation == .silu && again.labels.isEmpty)
  }

  /// What a decoder reads may be changed; what the caller gave stays.
  @Test func anEditBeforeTheDecoderChangesItsInputAlone() {
    let head = head(97, layers: 1)
    let x = matrix(4, 48, seed: 1)
    let before = x.array
    let pass = Pass(compute)
    let plain = head(x, starts: [0, 4], on: pass)
    let edited = head(x, starts: [0, 4], on: pass, beforeDecoder: { pass.scale($0, by: 2) })
    expectFarOff(edited.array, plain.array)
    expectClose(edited.array, head(pass.scaled(x, by: 2), starts: [0, 4], on: pass).array, .exact)
    expectClose(x.array, before, .exact)
  }

  /// A saved head with the words' own values shares their memory; with others it keeps its own.
  @Test func aSavedDecoderWithTheWordsValuesSharesTheirMemory() throws {
    let folder = try TemporaryFolder()
    let words = matrix(97, 48, seed: 1)
    try SavedHead.write(
      head(97, tiedTo: WeightMatrix(words)), named: "h", modelName: "m", hiddenSize: 48, to: folder.path, compute)
    func read(_ words: Tensor?) throws -> Decoder {
      try decoder(
        SavedHead.read(
          folder.path, hiddenSize: 48, layerNormEps: 1e-7, tiedTo: words.map { WeightMatrix($0) }, compute
        ).head)
    }
    #expect(try read(words).weight.values.base == words.pointer)
    let other = matrix(97, 48, seed: 4)
    #expect(try read(other).weight.values.base != other.pointer)
    expectClose(try read(other).weight.widened(compute).array, words.array, .exact)
    #expect(try read(matrix(96, 48, seed: 1)).weight.rows == 97)
  }
}
