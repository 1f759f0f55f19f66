public import Checkpoints
public import Deberta
internal import Kernels
internal import Tensors

extension PeftAdapter {
  /// Converts LoRA initialized by PiSSA or OLoRA for unmodified base weights; its rank doubles.
  ///
  ///     (W - s B₀ A₀) x + s B A x = W x + s [B, -B₀] [A; A₀] x
  ///
  /// PiSSA: s B₀ A₀ are the first r singular components of W; OLoRA: A₀ and B₀ are the first r rows and columns of R
  /// and Q. Source: peft 0.21, `tuners/lora/layer.py`, `pissa_init`, `olora_init`; `tuners/lora/model.py`,
  /// `subtract_mutated_init`.
  public func converted(
    _ parameters: AdapterParameters, for encoder: Encoder
  ) throws(ConfigurationError) -> Adapter? {
    guard let lora = method as? PeftLoRA, lora.start != .ordinary else { return nil }
    var values = Dictionary(
      uniqueKeysWithValues: parameters.specs.map {
        (PeftFolder.fileName($0), (shape: $0.shape, tensor: parameters[$0]))
      })
    for (module, specs) in try targets(encoder.configuration) {
      guard case .encoder(let place) = module.place, case .linear(let layer)? = encoder.module(place) else {
        throw .impossible(
          key: "init_lora_weights", value: "'\(lora.start)'",
          expected: "true, because '\(module.name)' belongs to a head. In Python, "
            + "save_pretrained(path_initial_model_for_weight_conversion=...) writes plain LoRA of it", file: source)
      }
      let (rank, scale) = (try lora.rank(module), try lora.scale(module))
      let weight = encoder.compute.unpacked(layer.weight).array.map(Double.init)
      guard let taken = lora.start.part(of: weight, layer, rank: rank, scale: Double(scale)) else {
        throw .impossible(
          key: "init_lora_weights", value: "'\(lora.start)'",
          expected: "true: the weights of '\(module.name)' cannot be decomposed to rank \(rank)", file: source)
      }
      for spec in specs {
        let own = parameters[spec]
        if spec.member == "lora_A.weight" {
          values[PeftFolder.fileName(spec)] = (
            [2 * rank, layer.inputs],
            Tensor(own.array + taken.a.map(Float.init), rows: 2 * rank, columns: layer.inputs)
          )
        } else if spec.member == "lora_B.weight" {
          var rows: [Float] = []
          for row in 0..<layer.outputs {
            rows += own.rows(row..<row + 1).array
            rows += taken.b[row * rank..<(row + 1) * rank].map { -Float($0) }
          }
          values[PeftFolder.fileName(spec)] = (
            [layer.outputs, 2 * rank], Tensor(rows, rows: layer.outputs, columns: 2 * rank)
          )
        }
      }
    }
    let contents = PeftContents(values.mapValues(\.shape), isBelowHead: contents?.isBelowHead ?? true)
    let converted = try PeftAdapter(
      ConfigurationFields(.object(lora.doubled(settings)), file: source), contents: contents)
    let specs = try converted.parameters(for: encoder.configuration)
    var tensors: [String: Tensor] = [:]
    for spec in specs { tensors[spec.id] = values[PeftFolder.fileName(spec)]?.tensor }
    let adapter = Adapter(method: converted, parameters: AdapterParameters(specs, tensors))
    return try PlainLoRA.adapter(adapter, encoder.configuration) ?? adapter
  }
}

extension PeftLoRA {
  /// Settings with doubled rank, the same scales, and ordinary initialization.
  fileprivate func doubled(_ settings: [String: JSONValue]) -> [String: JSONValue] {
    func each(_ value: JSONValue?, _ change: (Double) -> Double) -> JSONValue? {
      if case .object(let members)? = value { return .object(members.compactMapValues { each($0, change) }) }
      guard let number = value?.double else { return value }
      let changed = change(number)
      return Int(exactly: changed).map { .integer($0) } ?? .number(changed)
    }
    // s = alpha / r, or alpha / √r.
    let factor = isRankStabilized ? 2.0.squareRoot() : 2
    var members = settings
    for key in ["r", "rank_pattern"] { members[key] = each(settings[key]) { 2 * $0 } }
    for key in ["lora_alpha", "alpha_pattern"] { members[key] = each(settings[key]) { factor * $0 } }
    members["init_lora_weights"] = .bool(true)
    return members
  }
}

extension PeftLoRA.Start {
  /// The part subtracted from weights [outputs, inputs], as scale · B A; nil if they cannot be decomposed this way.
  fileprivate func part(
    of weight: [Double], _ layer: Linear, rank: Int, scale: Double
  ) -> (a: [Double], b: [Double])? {
    let (rows, columns) = (layer.outputs, layer.inputs)
    let all = min(rows, columns)
    guard rank <= all else { return nil }
    switch self {
    case .ordinary: return nil
    case .pissa:
      guard let parts = LinearAlgebra.singularValues(weight, rows: rows, columns: columns) else { return nil }
      var b: [Double] = []
      for row in 0..<rows {
        for index in 0..<rank { b.append(parts.u[row * all + index] * parts.values[index] / scale) }
      }
      return (Array(parts.vt.prefix(rank * columns)), b)
    case .olora:
      guard let (q, r) = LinearAlgebra.qr(weight, rows: rows, columns: columns) else { return nil }
      var b: [Double] = []
      for row in 0..<rows { b += q[row * all..<row * all + rank] }
      return (Array(r.prefix(rank * columns)), b)
    }
  }
}
