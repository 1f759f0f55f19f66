/// Converts byte offsets to scalar offsets of the original text in one forward pass.
struct ScalarCounter {
  private let text: UnsafeBufferPointer<UInt8>
  private let addedScalars: [Int]
  private var position = 0
  private var scalars = 0
  private var nextAdded = 0

  /// - Parameter addedScalars: positions, ascending, of scalars that belong to the same original scalar as the
  ///   preceding one.
  static func textPieces(_ pieces: [BytePiece], in text: [UInt8], addedScalars: [Int]) -> [TextPiece] {
    text.withUnsafeBufferPointer { text in
      var counter = ScalarCounter(text: text, addedScalars: addedScalars)
      return pieces.map { counter.textPiece($0) }
    }
  }

  private init(text: UnsafeBufferPointer<UInt8>, addedScalars: [Int]) {
    (self.text, self.addedScalars) = (text, addedScalars)
  }

  /// Pieces must be in text order.
  private mutating func textPiece(_ piece: BytePiece) -> TextPiece {
    advance(to: piece.bytes.lowerBound)
    let beginsInside = nextAdded < addedScalars.count && addedScalars[nextAdded] == position && !piece.bytes.isEmpty
    let start = beginsInside ? scalars - 1 : scalars
    var end = self
    end.advance(to: piece.bytes.upperBound)
    return TextPiece(id: piece.id, scalars: start..<max(start, end.scalars), beginsWithSpace: piece.beginsWithSpace)
  }

  /// Counts the scalars that begin before `target`.
  private mutating func advance(to target: Int) {
    while position < target {
      if nextAdded < addedScalars.count, addedScalars[nextAdded] == position {
        nextAdded += 1
      } else if !UTF8Text.isContinuation(text[position]) {
        scalars += 1
      }
      position += 1
    }
  }
}
