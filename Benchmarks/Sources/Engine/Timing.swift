internal import AdapterHost

/// Milliseconds of some passes.
struct Samples {
  private(set) var times: [Double] = []

  /// Repeats a pass for so many seconds, at least once, after one that does not count.
  init(seconds: Double, _ pass: () throws -> Void) rethrows {
    try pass()
    let end = ContinuousClock.now + .seconds(seconds)
    repeat { try time(pass) } while ContinuousClock.now < end
  }

  /// Repeats a pass for so many seconds, but so often at least; the first one counts too.
  init(seconds: Double, atLeast count: Int, _ pass: () throws -> Void) rethrows {
    let end = ContinuousClock.now + .seconds(seconds)
    while times.count < count || ContinuousClock.now < end { try time(pass) }
  }

  private init() {}

  /// The samples of several measurements.
  init(joining parts: some Sequence<Samples>) { times = parts.flatMap(\.times) }

  /// Times one pass, the first one too.
  static func once(_ pass: () throws -> Void) rethrows -> Samples {
    var samples = Samples()
    try samples.time(pass)
    return samples
  }

  /// Takes turns between two passes, at least three of each, so that whatever else the machine does hits both alike.
  static func pairs(
    seconds: Double, _ first: () throws -> Void, _ second: () throws -> Void
  ) rethrows -> (first: Samples, second: Samples) {
    var (a, b) = (Samples(), Samples())
    try first()
    try second()
    let end = ContinuousClock.now + .seconds(2 * seconds)
    repeat {
      if a.times.count.isMultiple(of: 2) {
        try a.time(first)
        try b.time(second)
      } else {
        try b.time(second)
        try a.time(first)
      }
    } while a.times.count < 3 || ContinuousClock.now < end
    return (a, b)
  }

  private mutating func time(_ pass: () throws -> Void) rethrows {
    let clock = ContinuousClock()
    times.append(try clock.measure(pass).milliseconds)
  }

  var least: Double { times.min() ?? .nan }

  var median: Double {
    let sorted = times.sorted()
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }

  /// Members of a reply; names get a prefix.
  func members(_ prefix: String = "") -> [String: JSONValue] {
    [
      prefix + "ms": .number(least.rounded(digits: 5)), prefix + "median_ms": .number(median.rounded(digits: 5)),
      prefix + "times": .array(times.map { .number($0.rounded(digits: 5)) }),
    ]
  }
}

extension Duration {
  var milliseconds: Double { Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15 }
}

extension Double {
  fileprivate func rounded(digits: Int) -> Double {
    let factor = (0..<digits).reduce(1.0) { power, _ in power * 10 }
    return (self * factor).rounded() / factor
  }
}
