internal import Checkpoints
internal import Deberta
internal import Tensors

/// The sub-blocks that bottlenecks follow, named as in `adapters`.
enum BottleneckSite: String, CaseIterable, Sendable {
  case attention = "mh_adapter"
  case output = "output_adapter"

  /// The module's path, below `deberta.`.
  func path(layer: Int) -> String {
    EncoderPlace.path(layer: layer) + (self == .attention ? ".attention.output" : ".output")
  }
}

/// One module of a bottleneck adapter, with its parameters.
struct BottleneckModule {
  let site: BottleneckSite
  let layer: Int
  let down, up: BottleneckProjection
  let scaling: ParameterSpec?
  let normBefore, normAfter, gate: (weight: ParameterSpec, bias: ParameterSpec)?

  init(_ method: Bottleneck, _ site: BottleneckSite, _ layer: Int, hidden: Int, size: Int) {
    self.site = site
    self.layer = layer
    let place = site.path(layer: layer)
    func spec(_ member: String, _ shape: [Int], _ initializer: Initializer, aliases: [ParameterSpec.Alias] = [])
      -> ParameterSpec
    {
      ParameterSpec(place, "adapters", member, shape, initializer, aliases: aliases)
    }
    func norm(_ name: String, alias: String? = nil) -> (weight: ParameterSpec, bias: ParameterSpec) {
      (
        spec(
          "\(name).weight", [hidden], .constant(1),
          aliases: alias.map { [ParameterSpec.Alias(place, "\($0).weight")] } ?? []),
        spec(
          "\(name).bias", [hidden], .constant(0),
          aliases: alias.map { [ParameterSpec.Alias(place, "\($0).bias")] } ?? [])
      )
    }
    let (downStart, upStart): (Initializer, Initializer) =
      switch method.initialization {
      case .bert: (.normal(deviation: 0.02), .normal(deviation: 0.02))
      case .mamAdapter: (.linear(inputs: hidden), .constant(0))
      case .houlsby: (.truncatedNormal(deviation: 0.01), .truncatedNormal(deviation: 0.01))
      }
    let index = method.ownNormBefore ? 1 : 0
    scaling =
      switch method.scaling {
      case .fixed: nil
      case .learned: spec("scaling", [1], .constant(1))
      case .channel: spec("scaling", [hidden], .constant(1))
      }
    normBefore = method.ownNormBefore ? norm("adapter_norm_before", alias: "adapter_down.0") : nil
    func projection(_ member: String, _ direction: KroneckerProjection.Direction, _ start: Initializer)
      -> BottleneckProjection
    {
      let (inputs, outputs) = direction == .down ? (hidden, size) : (size, hidden)
      if let kronecker = method.kronecker {
        return .kronecker(
          KroneckerProjection(kronecker, direction, inputs: inputs, outputs: outputs) {
            spec("\(member).\($0)", $1, $2)
          })
      }
      return .dense(
        weight: spec("\(member).weight", [outputs, inputs], start),
        bias: spec("\(member).bias", [outputs], .constant(0)))
    }
    down = projection("adapter_down.\(index)", .down, downStart)
    up = projection("adapter_up", .up, upStart)
    normAfter = method.ownNormAfter ? norm("adapter_norm_after") : nil
    gate =
      method.isGated
      ? (spec("gate.weight", [1, hidden], .normal(deviation: 0.02)), spec("gate.bias", [1], .constant(0))) : nil
  }

  var specs: [ParameterSpec] {
    [scaling, normBefore?.weight, normBefore?.bias].compactMap { $0 } + down.specs + up.specs
      + [normAfter?.weight, normAfter?.bias, gate?.weight, gate?.bias].compactMap { $0 }
  }
}

/// The stored form of one of the two projections.
enum BottleneckProjection {
  case dense(weight: ParameterSpec, bias: ParameterSpec)
  case kronecker(KroneckerProjection)

  var specs: [ParameterSpec] {
    switch self {
    case .dense(let weight, let bias): [weight, bias]
    case .kronecker(let projection): projection.specs
    }
  }

  func layer(_ parameters: AdapterParameters, on pass: Pass) -> Linear {
    switch self {
    case .dense(let weight, let bias): pass.layer(weight: parameters[weight], bias: parameters[bias])
    case .kronecker(let projection): projection.layer(parameters, on: pass)
    }
  }
}

/// The bottleneck at one place.
struct BottleneckJoin: FusibleJoin {
  private let method: Bottleneck
  private let down, up: Linear
  private let factor: Factor
  private let normBefore, normAfter: LayerNorm?
  private let gate: AdapterGate?

  private enum Factor {
    case fixed(Float)
    /// [1, 1]
    case learned(Tensor)
    /// [1, H]
    case channel(Tensor)
  }

  init(
    _ method: Bottleneck, _ module: BottleneckModule, _ parameters: AdapterParameters, named adapter: String,
    on pass: Pass
  ) {
    // PyTorch's default epsilon, not the model's.
    func norm(_ specs: (weight: ParameterSpec, bias: ParameterSpec)) -> LayerNorm {
      LayerNorm(gain: parameters[specs.weight], bias: parameters[specs.bias], eps: 1e-5)
    }
    self.method = method
    down = module.down.layer(parameters, on: pass)
    up = module.up.layer(parameters, on: pass)
    factor =
      switch (method.scaling, module.scaling) {
      case (.fixed(let factor), _): .fixed(factor)
      case (.learned, let scaling?): .learned(parameters[scaling])
      case (.channel, let scaling?): .channel(parameters[scaling])
      case (_, nil): .fixed(1)
      }
    normBefore = module.normBefore.map(norm)
    normAfter = module.normAfter.map(norm)
    gate = module.gate.map {
      AdapterGate(
        pass.layer(weight: parameters[$0.weight], bias: parameters[$0.bias]), adapter: adapter,
        place: module.site.rawValue)
    }
  }

  var addsHiddenOnClose: Bool { method.isParallel }
  var isTokenwise: Bool { gate == nil }

  func transform(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass) -> Tensor {
    if method.isParallel {
      let output = bottleneck(residual, at: site, on: pass)
      if let normAfter { pass.norm(output, normAfter, into: output) }
      return output
    }
    let states = prepare(hidden, residual: residual, norm: norm, on: pass)
    let own = states.residual
    let output = bottleneck(states.input, at: site, on: pass)
    if method.addsResidualBeforeOwnNorm { pass.add(own, to: output) }
    if let normAfter { pass.norm(output, normAfter, into: output) }
    if !method.addsResidualBeforeOwnNorm { pass.add(own, to: output) }
    return output
  }

  func close(
    _ adapted: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    if method.isParallel { pass.add(hidden, to: adapted) }
    if method.normsAfter { pass.norm(adapted, plus: residual, norm, into: adapted) }
    return adapted
  }

  func prepare(_ hidden: Tensor, residual: Tensor, norm: LayerNorm, on pass: Pass) -> PreparedStates {
    if method.isParallel { return PreparedStates(input: residual, beforeNorm: residual, residual: residual) }
    let input = method.normsBefore ? pass.norm(hidden, plus: residual, norm) : hidden
    let own: Tensor
    switch method.residual {
    case .beforeNorm: own = hidden
    case .afterNorm: own = input
    case .postAdd:
      own = pass.copy(hidden)
      pass.add(residual, to: own)
    }
    return PreparedStates(input: input, beforeNorm: hidden, residual: own)
  }

  func inner(
    _ input: Tensor, hidden: Tensor, residual: Tensor, norm: LayerNorm, at site: Site, on pass: Pass
  ) -> Tensor {
    projected(input, on: pass)
  }

  /// gate · scaling · up(act(down(x)))
  private func bottleneck(_ x: Tensor, at site: Site, on pass: Pass) -> Tensor {
    let output = projected(x, on: pass)
    if method.dropPath > 0 {
      let rows = site.segment.rows
      let kept = Tensor(Array(repeating: 1, count: rows.count), rows: rows.count, columns: 1)
      pass.dropout(kept, method.dropPath)
      pass.scaleRows(output, rows, by: kept)
    }
    pass.dropout(output, method.dropout)
    gate?.apply(to: output, reading: x, at: site, on: pass)
    return output
  }

  /// scaling · up(act(down(x)))
  private func projected(_ x: Tensor, on pass: Pass) -> Tensor {
    let narrow = pass.linear(normBefore.map { pass.norm(x, $0) } ?? x, down)
    pass.activate(narrow, method.activation)
    let output = pass.linear(narrow, up)
    switch factor {
    case .fixed(let factor): pass.scale(output, by: factor)
    case .learned(let factor): pass.scale(output, by: factor)
    case .channel(let factors): pass.scaleColumns(output, by: factors)
    }
    return output
  }
}
