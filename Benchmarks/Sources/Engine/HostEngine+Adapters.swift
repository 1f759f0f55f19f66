internal import AdapterHost

extension HostEngine {
  /// The time to make another adapter the active one; the shape is the number of other adapters that are loaded.
  ///
  /// A switch must not put work off: `base_ms` is a pass of 1x16 with an
  /// adapter that stays active, `after_ms` one right after a switch.
  func switching(_ request: Request) throws -> [String: JSONValue] {
    var model = try crowded(request)
    try model.loadAdapter(checkpoint + "/lora-0", withHead: false)
    try model.loadAdapter(checkpoint + "/lora-1", withHead: false)
    var turn = 0
    func activateOther() throws {
      turn += 1
      try model.setActiveAdapters(.adapter("lora-\(turn % 2)"))
    }
    let switches = try Samples(seconds: request.seconds / 4) { try activateOther() }
    let batch = try batch("1x16")
    let passes = try Samples(seconds: request.seconds) { _ = try model(batch, heads: []) }
    let later = try Samples(seconds: request.seconds) {
      try activateOther()
      _ = try model(batch, heads: [])
    }
    // The list of times is of no use here: there are many thousands.
    return switches.members().merging(passes.members("base_")) { $1 }.merging(later.members("after_")) { $1 }
      .filter { !$0.key.hasSuffix("times") }
  }

  /// The time to load an adapter from the page cache; the shape is the number of other adapters that are loaded.
  func loading(_ request: Request) throws -> [String: JSONValue] {
    var model = try crowded(request)
    var isLoaded = false
    var times: [Samples] = []
    for _ in 0..<max(6, Int(request.seconds * 20)) {
      if isLoaded { try model.deleteAdapter("new") }
      times.append(
        try Samples.once { try model.loadAdapter(checkpoint + "/lora-0", as: "new", withHead: false) })
      isLoaded = true
    }
    return Samples(joining: times.dropFirst()).members()
  }

  private func crowded(_ request: Request) throws -> DebertaV2AdapterModel {
    guard let others = Int(request.shape), others >= 0 else { throw RequestError.shape(request.shape) }
    var model = model
    for index in 0..<others {
      try model.loadAdapter("\(checkpoint)/lora-\(index % 16)", as: "other-\(index)", withHead: false)
    }
    return model
  }

  /// Resident memory after loading, after a request of 1x128, and at the most during a long batch of the given shape.
  ///
  /// The kernel may take mapped pages of the checkpoint away at any time, so
  /// anonymous memory, which it leaves alone, is counted apart.
  func memory(_ request: Request) throws -> [String: JSONValue] {
    let loaded = ProcessMemory()
    _ = try model(batch("1x128"), setup: .composition(nil), heads: [])
    let after = ProcessMemory()
    let long = try batch(request.shape)
    try ProcessMemory.forgetPeak()
    let anonymousPeak = try ProcessMemory.anonymousPeak { _ = try model(long, setup: .composition(nil), heads: []) }
    let end = ProcessMemory()
    return [
      "loaded_mb": .number(loaded.resident), "load_peak_mb": .number(loaded.peak),
      "request_mb": .number(after.resident), "request_anonymous_mb": .number(after.anonymous),
      "request_mapped_mb": .number(after.mapped), "long_peak_mb": .number(end.peak),
      "long_extra_mb": .number((end.peak - after.resident).rounded()),
      "long_extra_anonymous_mb": .number((anonymousPeak - after.anonymous).rounded()),
      "long_after_mb": .number(end.resident),
    ]
  }
}
