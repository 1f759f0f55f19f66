import Checkpoints
import Tensors
import Testing

@testable import Training

@Suite struct OptimizerTests {
  /// Three steps at rate 0.01 with the gradients of `exampleGradient`.
  private func trained(_ rule: any UpdateRule, rows: Int, columns: Int, rate: Double = 0.01) -> [Float] {
    let value = Tensor(exampleValues(rows * columns), rows: rows, columns: columns)
    let optimizer = Optimizer(rule, for: [TrainedParameter(name: "w", value: value, decays: true)])
    for step in 0..<3 {
      let gradient = Tensor(exampleGradient(rows * columns, step: step), rows: rows, columns: columns)
      optimizer.step(Gradients([gradient]), rate: rate, on: compute)
    }
    return value.array
  }

  /// p = 1, rate 0.1, decay 0.1, gradients 0.5 and -0.5.
  ///
  /// Step 1: m̂ = 0.5 and √v̂ = 0.5, so p = 1 · 0.99 - 0.1 · 1 = 0.89. Step 2: m = 0.9 · 0.05 - 0.1 · 0.5 = -0.005,
  /// m̂ = -0.005 / 0.19; v̂ is 0.25 again; p = 0.89 · 0.99 + 0.1 · 0.005 / 0.19 / 0.5 = 0.8811 + 0.001 / 0.19.
  @Test func `Two steps of AdamW are as computed by hand`() {
    let value = Tensor([1], rows: 1, columns: 1)
    let optimizer = Optimizer(
      AdamW(weightDecay: 0.1), for: [TrainedParameter(name: "w", value: value, decays: true)])
    optimizer.step(Gradients([Tensor([0.5], rows: 1, columns: 1)]), rate: 0.1, on: compute)
    #expect(isNear(value.array, [0.89]))
    optimizer.step(Gradients([Tensor([-0.5], rows: 1, columns: 1)]), rate: 0.1, on: compute)
    #expect(isNear(value.array, [0.8811 + 0.001 / 0.19]))
  }

  /// The textbook form, in float64, over many steps: ε and both corrections matter from the first to the last.
  @Test(arguments: [7, 8, 19])
  func `AdamW follows its formula for a hundred steps`(_ columns: Int) {
    let (b1, b2, epsilon, decay, rate) = (0.8, 0.95, 1e-3, 0.05, 0.02)
    let count = 5 * columns
    let value = Tensor(exampleValues(count), rows: 5, columns: columns)
    let optimizer = Optimizer(
      AdamW(betas: (b1, b2), epsilon: epsilon, weightDecay: decay),
      for: [TrainedParameter(name: "w", value: value, decays: true)])
    var p = exampleValues(count).map { Double($0) }
    var (m, v) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    for step in 0..<100 {
      let g = exampleGradient(count, step: step)
      optimizer.step(Gradients([Tensor(g, rows: 5, columns: columns)]), rate: rate, on: compute)
      var (c1, c2) = (1.0, 1.0)
      for _ in 0...step { (c1, c2) = (c1 * b1, c2 * b2) }
      for i in p.indices {
        let d = Double(g[i])
        m[i] = b1 * m[i] + (1 - b1) * d
        v[i] = b2 * v[i] + (1 - b2) * d * d
        p[i] -= rate * (m[i] / (1 - c1) / ((v[i] / (1 - c2)).squareRoot() + epsilon) + decay * p[i])
      }
    }
    #expect(isNear(value.array, p))
  }

  @Test func `AdamW gives a value the same bits wherever it stands in its row`() {
    func values(_ rows: Int, _ columns: Int) -> [Float] {
      trained(AdamW(weightDecay: 0.1), rows: rows, columns: columns)
    }
    #expect(values(1, 38) == values(38, 1))
    #expect(values(2, 19) == values(38, 1))
    #expect(values(1, 38) != exampleValues(38))
  }

  /// What PyTorch 2.15 and transformers 4.57.6 make of the same values and gradients in float64.
  @Test func `Three steps are those of the reference`() {
    #expect(
      isNear(
        trained(AdamW(weightDecay: 0.1), rows: 3, columns: 4),
        [
          -0.35806091, -0.004955729, 0.383997557, -0.271388022, 0.125248219, 0.515419676, -0.142536299, 0.237429856,
          -0.351968169, -0.011811849, 0.377164957, -0.233435536,
        ]))
    #expect(
      isNear(
        trained(MomentumSGD(momentum: 0.9, weightDecay: 0.1), rows: 3, columns: 4),
        [
          -0.367566171, 0.000739749, 0.374595176, -0.258368703, 0.128542349, 0.502397776, -0.130566102, 0.243289325,
          -0.364194422, -0.002763502, 0.371091925, -0.243266822,
        ]))
    #expect(
      isNear(
        trained(Adafactor(), rows: 3, columns: 4),
        [
          -0.376961789, 0.004060345, 0.381208221, -0.268143296, 0.136034588, 0.522440797, -0.148677007, 0.239251269,
          -0.355547352, -0.005999365, 0.370754498, -0.252268552,
        ]))
    #expect(
      isNear(
        trained(Adafactor(), rows: 1, columns: 5),
        [-0.377270671, -0.001719204, 0.384328244, -0.268022687, 0.128003745]))
    let all = Adafactor(beta1: 0.9, weightDecay: 0.1, scalesByParameter: true, usesRelativeStep: true)
    #expect(
      isNear(
        trained(all, rows: 3, columns: 4),
        [
          -0.374164471, 0.000168634, 0.37489792, -0.25075159, 0.125424852, 0.500744915, -0.126363735, 0.249103923,
          -0.373703508, -0.000392232, 0.3743374, -0.249296061,
        ]))
    #expect(
      isNear(
        trained(all, rows: 1, columns: 5),
        [-0.374300993, -0.000212019, 0.375130746, -0.250668269, 0.124835365]))
  }

  /// d = g + 0.5 p, b = 0.5 b + d, p = p - 0.1 b, from p = 2: d = 3, p = 1.7; d = 2.85, b = 4.35, p = 1.265.
  @Test func `Momentum and decay of SGD are as computed by hand`() {
    let value = Tensor([2], rows: 1, columns: 1)
    let optimizer = Optimizer(
      MomentumSGD(momentum: 0.5, weightDecay: 0.5), for: [TrainedParameter(name: "w", value: value, decays: true)])
    for expected in [1.7, 1.265] {
      optimizer.step(Gradients([Tensor([2], rows: 1, columns: 1)]), rate: 0.1, on: compute)
      #expect(isNear(value.array, [expected]))
    }
  }

  @Test(
    arguments: [AdamW(weightDecay: 0.5), Adafactor(weightDecay: 0.5), MomentumSGD(weightDecay: 0.5)] as [any UpdateRule]
  )
  func `Decay acts only where a parameter decays`(_ rule: any UpdateRule) {
    func moved(decays: Bool) -> [Float] {
      let value = Tensor(exampleValues(6), rows: 2, columns: 3)
      let optimizer = Optimizer(rule, for: [TrainedParameter(name: "w", value: value, decays: decays)])
      optimizer.step(Gradients([Tensor.zeros(rows: 2, columns: 3)]), rate: 0.1, on: compute)
      return value.array
    }
    #expect(moved(decays: false) == exampleValues(6))
    #expect(isNear(moved(decays: true), exampleValues(6).map { Double($0) * 0.95 }))
  }

  @Test func `Biases and norms do not decay by default`() {
    for name in [
      "encoder.layer.0.attention.output.LayerNorm.weight", "head.dense.bias", "adapter.adapter_norm_before.weight",
      "encoder.rel_embeddings.norm.gain", "gate_bias",
    ] {
      #expect(!TrainedParameter.decaysByDefault(name), "\(name)")
    }
    for name in ["head.dense.weight", "loras.a.lora_A", "bias_free.weight", "embeddings.word_embeddings.weight"] {
      #expect(TrainedParameter.decaysByDefault(name), "\(name)")
    }
  }

  @Test func `A parameter without a gradient is left out, and its steps are not counted`() {
    func parameters() -> [TrainedParameter] {
      ["a", "b"].map { TrainedParameter(name: $0, value: Tensor([1, 2], rows: 1, columns: 2), decays: true) }
    }
    let gradient = Tensor([1, -1], rows: 1, columns: 2)
    let (some, once) = (parameters(), parameters())
    let optimizer = Optimizer(AdamW(), for: some)
    optimizer.step(Gradients([gradient, nil]), rate: 0.1, on: compute)
    #expect(some[1].value.array == [1, 2])
    #expect(optimizer.tensors.map(\.name).sorted() == ["a/exp_avg", "a/exp_avg_sq", "a/step"])
    optimizer.step(Gradients([nil, gradient]), rate: 0.1, on: compute)
    Optimizer(AdamW(), for: once).step(Gradients([gradient, gradient]), rate: 0.1, on: compute)
    #expect(some.map(\.value.array) == once.map(\.value.array))
  }

  @Test(
    arguments: [
      AdamW(), Adafactor(), Adafactor(beta1: 0.9, scalesByParameter: true), MomentumSGD(), MomentumSGD(momentum: 0),
    ] as [any UpdateRule])
  func `An optimiser that is saved and restored goes on with the same bits`(_ rule: any UpdateRule) throws {
    let folder = TemporaryFolder()
    let (value, other) = (
      Tensor(exampleValues(12), rows: 3, columns: 4), Tensor(exampleValues(12), rows: 3, columns: 4)
    )
    let optimizer = Optimizer(rule, for: [TrainedParameter(name: "w", value: value)])
    func step(_ optimizer: Optimizer, _ number: Int) {
      let gradient = Tensor(exampleGradient(12, step: number), rows: 3, columns: 4)
      optimizer.step(Gradients([gradient]), rate: 0.01, on: compute)
    }
    for number in 0..<3 { step(optimizer, number) }
    let tensors = optimizer.tensors.map {
      OutgoingTensor(name: "optimizer/\($0.name)", shape: $0.shape, values: $0.values)
    }
    try Safetensors.write(tensors, to: folder.path("state"))
    other.set(value.array)
    let restored = Optimizer(rule, for: [TrainedParameter(name: "w", value: other)])
    try restored.restore(from: SavedTensors(TensorFile(path: folder.path("state")), under: "optimizer"))
    for number in 3..<6 {
      step(optimizer, number)
      step(restored, number)
    }
    #expect(other.array == value.array)

    let stranger = Optimizer(rule, for: [TrainedParameter(name: "v", value: other)])
    #expect(throws: CheckpointError.self) {
      try stranger.restore(from: SavedTensors(TensorFile(path: folder.path("state")), under: "optimizer"))
    }
  }

  @Test(arguments: [AdamW(), Adafactor(scalesByParameter: true), MomentumSGD()] as [any UpdateRule])
  func `The number of threads changes no bit`(_ rule: any UpdateRule) {
    func trained(threads: Int) -> ([Float], Double) {
      let compute = Compute(threads: threads)
      // Rows with gaps, as tensors of a pass have them, and many blocks.
      let value = compute.tensor(rows: 700, columns: 90)
      value.set(exampleValues(63_000))
      let optimizer = Optimizer(rule, for: [TrainedParameter(name: "w", value: value)])
      var norm = 0.0
      for step in 0..<3 {
        let gradients = Gradients([Tensor(exampleGradient(63_000, step: step), rows: 700, columns: 90)])
        norm = gradients.norm(on: compute)
        optimizer.step(gradients.clipped(to: 1, norm: norm), rate: 0.01, on: compute)
      }
      return (value.array, norm)
    }
    let (one, three) = (trained(threads: 1), trained(threads: 3))
    #expect(one.0 == three.0)
    #expect(one.1 == three.1)
    #expect(one.0 != exampleValues(63_000))
  }
}
