extension Collection<String> {
  /// Up to three of these that look like `name`, the likeliest first.
  func nearest(to name: String) -> [String] {
    let wanted = Array(name.lowercased().unicodeScalars)
    let limit = Swift.max(2, wanted.count / 3)
    return compactMap { candidate -> (distance: Int, name: String)? in
      let letters = Array(candidate.lowercased().unicodeScalars)
      let starts = wanted.count >= 2 && letters.starts(with: wanted)
      if !starts && abs(letters.count - wanted.count) > limit { return nil }
      let distance = starts ? 1 : wanted.editDistance(to: letters)
      return distance <= limit ? (distance, candidate) : nil
    }
    .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
    .prefix(3).map(\.name)
  }
}

extension [Unicode.Scalar] {
  /// How many letters must be put in, left out or replaced (Levenshtein).
  ///
  /// - Complexity: count · other.count steps.
  fileprivate func editDistance(to other: [Unicode.Scalar]) -> Int {
    var row = [Int](0...other.count)
    for (i, letter) in enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, counterpart) in other.enumerated() {
        let replaced = diagonal + (letter == counterpart ? 0 : 1)
        diagonal = row[j + 1]
        row[j + 1] = Swift.min(replaced, row[j] + 1, diagonal + 1)
      }
    }
    return row[other.count]
  }
}
