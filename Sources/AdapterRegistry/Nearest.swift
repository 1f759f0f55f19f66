extension Collection<String> {
  /// Up to three of these that look like `name`, the likeliest first.
  func nearest(to name: String) -> [String] {
    let wanted = Array(name.lowercased().unicodeScalars)
    let limit = wanted.count / 3
    return compactMap { candidate -> (distance: Int, name: String)? in
      let letters = Array(candidate.lowercased().unicodeScalars)
      let starts = wanted.count >= 2 && letters.starts(with: wanted)
      if !starts && abs(letters.count - wanted.count) > limit { return nil }
      let distance = starts ? 1 : wanted.editDistance(to: letters)
      return starts || distance <= limit ? (distance, candidate) : nil
    }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    .prefix(3).map(\.name)
  }
}

extension [Unicode.Scalar] {
  /// How many letters must be inserted, deleted, replaced or swapped with their neighbor.
  ///
  /// - Complexity: count · other.count steps.
  fileprivate func editDistance(to other: [Unicode.Scalar]) -> Int {
    var (before, row) = ([Int](), [Int](0...other.count))
    for (i, letter) in enumerated() {
      var next = [i + 1]
      for (j, counterpart) in other.enumerated() {
        var distance = Swift.min(row[j] + (letter == counterpart ? 0 : 1), next[j] + 1, row[j + 1] + 1)
        if i > 0, j > 0, letter == other[j - 1], self[i - 1] == counterpart {
          distance = Swift.min(distance, before[j - 1] + 1)
        }
        next.append(distance)
      }
      (before, row) = (row, next)
    }
    return row[other.count]
  }
}
