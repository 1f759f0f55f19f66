internal import AdapterHost

/// Shows tokens to people: pieces on a line, each above its id.
struct TokenTable {
  let width: Int

  /// The lines of one text.
  func lines(_ encoding: Encoding) -> [String] {
    var lines: [String] = []
    var (pieces, ids) = ("", "")
    func finish() {
      if !pieces.isEmpty { lines += [" " + pieces, " " + ids] }
      (pieces, ids) = ("", "")
    }
    for (token, id) in zip(encoding.tokens, encoding.ids) {
      let piece = token.onOneLine.cut(to: max(8, width - 2))
      let column = max(piece.columns, "\(id)".count)
      if !pieces.isEmpty, pieces.columns + column + 2 > width { finish() }
      pieces += " " + piece.padded(to: column)
      ids += " " + "\(id)".padded(to: column)
    }
    finish()
    if encoding.truncatedTokens > 0 { lines.append("  (\(encoding.truncatedTokens) tokens cut off)") }
    return lines
  }
}
