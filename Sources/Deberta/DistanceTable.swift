internal import Kernels

/// Rows of the position tables for every distance up to the largest in a batch.
///
/// `@unchecked Sendable`: only `init` writes the memory.
final class DistanceTable: @unchecked Sendable {
  private let memory: UnsafeMutablePointer<Int32>
  /// Points at distance 0; valid while the table lives.
  let rows: DistanceRows

  init(_ positions: RelativePositions, farthest: Int) {
    let count = 2 * farthest + 1
    memory = .allocate(capacity: 2 * count)
    let query = memory + farthest
    let key = query + count
    for distance in -farthest...farthest {
      let row = Int32(positions.row(ofDistance: distance))
      query[distance] = row
      key[-distance] = Int32(positions.rows - 1) - row
    }
    rows = DistanceRows(
      queryRows: query, keyRows: key, plainDistance: positions.plainDistance, farDistance: positions.farDistance)
  }

  deinit { memory.deallocate() }
}
