internal import Checkpoints
internal import Deberta
internal import Glibc
internal import Tensors

/// FourierFT: a weight update with a few trained coefficients of its Fourier transform.
///
///     y = W x + b + scaling Re(F⁻¹(S)) x        S [outputs, inputs] with n values at places that a seed draws
///
/// Re F⁻¹ of one value v at (k, l) is v cos(2π (k p / outputs + l q / inputs)) / (outputs · inputs) at (p, q), a sum of
/// two products of a row and a column.
///
/// Source: Gao et al., "Parameter-Efficient Fine-Tuning with Discrete Fourier Transform" (2024); peft 0.21,
/// `tuners/fourierft/layer.py`.
struct FourierFT: PeftMethod {
  static let type = "FOURIERFT"
  static let prefix = "fourierft_"

  private let count: Int
  private let counts: ModulePatterns<Int>
  private let scaling: Double
  private let seed: Int
  private let startsAtZero: Bool
  private let file: String

  static let fields: [MethodField] = [
    MethodField("n_frequency", .integer(1000)), MethodField("n_frequency_pattern", .object([:])),
    MethodField("scaling", .number(150)), MethodField("random_loc_seed", .integer(777)),
    MethodField("bias", .string("none")), MethodField("init_weights", .bool(false)),
    MethodField("fan_in_fan_out", .bool(false), .refused("false: the weights of a linear layer are not transposed")),
  ]

  init(_ fields: ConfigurationFields) throws(ConfigurationError) {
    count = try fields.whole("n_frequency", in: 1...1 << 24)
    counts = try fields.wholePatterns("n_frequency_pattern")
    scaling = Double(try fields.real("scaling"))
    seed = try fields.whole("random_loc_seed", in: 0...Int(UInt32.max))
    startsAtZero = try fields.flag("init_weights")
    file = fields.file
  }

  func tensors(for module: PeftModule) throws(ConfigurationError) -> [PeftTensor]? {
    guard case .linear(let inputs, let outputs) = module.kind else { return nil }
    let count = try counts.value(for: module.name) ?? count
    if case .encoder = module.place, count > inputs * outputs {
      throw .impossible(
        key: "n_frequency", value: "\(count)", expected: "at most \(inputs * outputs), the weights of '\(module.name)'",
        file: file)
    }
    return [PeftTensor("fourierft_spectrum", [count], startsAtZero ? .constant(0) : .normal(deviation: 1))]
  }

  func hook(_ module: PeftModule, _ tensors: PeftTensors, for layer: Linear, on pass: Pass) -> any ProjectionHook {
    let spectrum = tensors.row("fourierft_spectrum")
    let (inputs, outputs, count) = (layer.inputs, layer.outputs, spectrum.columns)
    var random = TorchRandom(seed: seed)
    let places = random.permutation(outputs * inputs, first: count)
    let factor = scaling / Double(outputs * inputs)
    // cos(a + b) = cos a cos b - sin a sin b
    func waves(_ size: Int, _ frequencies: [Int], times factor: Double = 1, _ wave: @escaping (Double) -> Double)
      -> Tensor
    {
      Tensor(
        (0..<size).flatMap { position in
          frequencies.map { Float(factor * wave(2 * .pi * Double(position * $0 % size) / Double(size))) }
        }, rows: size, columns: frequencies.count)
    }
    let (down, across) = (places.map { $0 / inputs }, places.map { $0 % inputs })
    func product(_ wave: @escaping (Double) -> Double, times factor: Double) -> (rows: Tensor, columns: Tensor) {
      let rows = waves(outputs, down, times: factor, wave)
      pass.scaleColumns(rows, by: spectrum)
      return (rows, pass.transposed(waves(inputs, across, wave)))
    }
    let (even, odd) = (product({ cos($0) }, times: factor), product({ sin($0) }, times: -factor))
    let delta = pass.product(even.rows, even.columns)
    pass.addProduct(odd.rows, odd.columns, to: delta)
    return AddedMatrix(delta, on: pass)
  }
}
