/// Suggestions for a misspelled name, for error messages.
public enum NearestNames {
  /// The names in `candidates` closest to `name` by edit distance, best first, ignoring case.
  ///
  /// A candidate that begins with `name` has distance one. Candidates whose distance exceeds a third of the length of
  /// `name` are not listed.
  ///
  /// - Complexity: at most 4 million steps, whatever the number of candidates; those past that budget are skipped.
  ///   Names are compared by their last 256 bytes, where those of one checkpoint differ.
  public static func of(_ name: String, in candidates: some Sequence<String>, limit: Int = 3) -> [String] {
    guard limit > 0, !name.isEmpty else { return [] }
    let wanted = tail(of: name)
    var budget = 4_000_000
    var best: [(distance: Int, name: String)] = []
    for candidate in candidates {
      let found = tail(of: candidate)
      let isBeginning = wanted.count >= 2 && found.starts(with: wanted)
      let farthest = isBeginning ? 1 : wanted.count / 3
      let bound = best.count == limit ? min(farthest, best[limit - 1].distance - 1) : farthest
      let isPossible = isBeginning || abs(found.count - wanted.count) <= bound
      budget -= isPossible && !isBeginning ? (wanted.count + 1) * (found.count + 1) : 1
      if budget <= 0 { break }
      guard isPossible else { continue }
      let distance = isBeginning ? min(1, found.count - wanted.count) : editDistance(wanted, found)
      guard distance <= bound else { continue }
      let place = best.firstIndex { ($0.distance, $0.name) > (distance, candidate) } ?? best.count
      best.insert((distance, candidate), at: place)
      if best.count > limit { best.removeLast() }
    }
    return best.map(\.name)
  }

  private static func tail(of name: String) -> [UInt8] { Array(name.suffix(256).lowercased().utf8.suffix(256)) }

  /// The number of insertions, deletions, replacements and transpositions that turn `a` into `b`.
  private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var (before, row) = ([Int](), Array(0...b.count))
    for (i, x) in a.enumerated() {
      var next = [i + 1]
      for (j, y) in b.enumerated() {
        var distance = min(row[j] + (x == y ? 0 : 1), min(next[j], row[j + 1]) + 1)
        if i > 0, j > 0, x == b[j - 1], a[i - 1] == y { distance = min(distance, before[j - 1] + 1) }
        next.append(distance)
      }
      (before, row) = (row, next)
    }
    return row[b.count]
  }
}
