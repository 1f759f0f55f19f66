import Kernels
import Testing

@Suite struct BufferTests {
  @Test func whatIsGivenBackIsLentAgain() {
    let buffers = Buffers()
    let first = buffers.borrow(1000)
    #expect(buffers.allocations == 1)
    buffers.giveBack(first, count: 1000)
    let second = buffers.borrow(1000)
    #expect(second == first)
    #expect(buffers.allocations == 1)
    let other = buffers.borrow(1000)
    #expect(other != second)
    #expect(buffers.allocations == 2)
    buffers.giveBack(second, count: 1000)
    buffers.giveBack(other, count: 1000)
  }

  /// Pieces that are lent at the same time share no memory, whatever their sizes.
  @Test func piecesHaveRoomForWhatWasAsked() {
    let buffers = Buffers()
    for round in 0..<3 {
      let counts = [1, 15, 16, 63, 64, 65, 100, 127, 128, 129, 1000, 1023, 1025, 4097, 70_001]
      let pieces = counts.map { buffers.borrow($0) }
      for (index, piece) in pieces.enumerated() { piece.update(repeating: Float(index + round), count: counts[index]) }
      for (index, piece) in pieces.enumerated() {
        #expect((0..<counts[index]).allSatisfy { piece[$0] == Float(index + round) })
        #expect(Int(bitPattern: piece) % 64 == 0, "a cache line")
      }
      for (piece, count) in zip(pieces, counts) { buffers.giveBack(piece, count: count) }
      #expect(buffers.allocations == counts.count)
    }
  }

  @Test func nothingIsKeptBeyondTheLimit() {
    let buffers = Buffers(limit: 4096 * MemoryLayout<Float>.stride)
    for _ in 0..<3 {
      let pieces = (0..<3).map { _ in buffers.borrow(4096) }
      for piece in pieces { buffers.giveBack(piece, count: 4096) }
    }
    // Of three pieces one is kept, twice.
    #expect(buffers.allocations == 3 + 2 + 2)
  }

  @Test func piecesOfScratchDoNotOverlap() {
    let buffers = Buffers()
    do {
      let sizes = [1, 16, 17, 0, 100]
      let scratch = Scratch(buffers, capacities: sizes)
      let pieces = sizes.map { scratch.floats($0) }
      for (index, piece) in pieces.enumerated() { piece.update(repeating: Float(index), count: sizes[index]) }
      for (index, piece) in pieces.enumerated() {
        #expect((0..<sizes[index]).allSatisfy { piece[$0] == Float(index) })
      }
    }
    #expect(buffers.allocations == 1)
    _ = Scratch(buffers, capacities: [1, 16, 17, 0, 100])
    #expect(buffers.allocations == 1, "the memory came back")
  }
}
