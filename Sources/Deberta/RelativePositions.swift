internal import Glibc

/// Maps the distance between two tokens to a row of the table of relative positions.
///
/// The table has 2·span rows. Without buckets, distance d is row d + span, clamped. With b buckets, distances up to b/2
/// have a row each, and larger ones share rows on a logarithmic scale up to `maximum`:
///
///     bucket(d) = sign(d) (⌈ln(|d| / mid) / ln((maximum - 1) / mid) (mid - 1)⌉ + mid),   mid = b / 2
///
/// Computed in float32 like the reference, to round identically. Source: transformers, `modeling_deberta_v2.py`,
/// `make_log_bucket_position`.
public struct RelativePositions: Sendable, Hashable {
  public let buckets: Int?
  public let maximum: Int

  public init(buckets: Int?, maximum: Int) {
    self.buckets = buckets
    self.maximum = maximum
  }

  /// The number of rows on each side of distance 0.
  public var span: Int { buckets ?? maximum }

  /// The number of rows of the table.
  public var rows: Int { 2 * span }

  /// Distances below this have a row each.
  public var plainDistance: Int { buckets.map { max($0 / 2, 1) } ?? maximum }

  /// Distances from this on share the table's last row; negative ones share its first.
  public var farDistance: Int {
    // With fewer distances than rows the scale runs backwards, and no distance reaches the last row.
    if let buckets, maximum - 1 <= buckets / 2 { return 1 << 40 }
    var (low, high) = (0, max(maximum, 2) * 2)
    while row(ofDistance: -high) > 0, high < 1 << 30 { high *= 2 }
    while low < high {  // buckets rise with the distance
      let middle = (low + high) / 2
      if row(ofDistance: -middle) == 0, row(ofDistance: middle) == rows - 1 { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// The row for query position - key position.
  public func row(ofDistance distance: Int) -> Int {
    min(max(bucket(distance) + span, 0), rows - 1)
  }

  private func bucket(_ distance: Int) -> Int {
    guard let buckets, maximum > 0 else { return distance }
    let mid = buckets / 2
    guard abs(distance) > mid else { return distance }
    let ratio = logf(Float(abs(distance)) / Float(mid)) / logf(Float((Double(maximum) - 1) / Double(mid)))
    let scaled = (ratio * Float(mid - 1)).rounded(.up) + Float(mid)
    guard scaled.isFinite, abs(scaled) < Float(1 << 30) else { return distance.signum() * span }
    return distance.signum() * Int(scaled)
  }
}
