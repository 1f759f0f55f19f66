/// How far two tokens are apart, as rows of the tables of relative positions.
///
/// For a distance d = query - key: `queryRows[d]` is its row in the table of
/// position queries, and `keyRows[-d]` its row in the table of position keys,
/// which is kept in reverse so that both are read forward. Both pointers
/// stand at distance 0 and both rise with their index.
public struct DistanceRows {
  public let queryRows: UnsafePointer<Int32>
  public let keyRows: UnsafePointer<Int32>
  /// Distances below this in size have a row each, one after the other.
  public let plainDistance: Int
  /// Distances from this on share one row to either side.
  public let farDistance: Int

  public init(
    queryRows: UnsafePointer<Int32>, keyRows: UnsafePointer<Int32>, plainDistance: Int, farDistance: Int
  ) {
    self.queryRows = queryRows
    self.keyRows = keyRows
    self.plainDistance = plainDistance
    self.farDistance = farDistance
  }
}
