import Deberta
import Foundation
import TestSupport
import Testing

/// Rows that transformers gives distances, as `Tools/make_position_fixtures.py` wrote them.
private struct PositionFixture: Decodable {
  struct Table: Decodable, CustomTestStringConvertible {
    let buckets: Int
    let maximum: Int
    /// [row, length]
    let runs: [[Int]]

    var testDescription: String { "\(buckets) buckets, at most \(maximum)" }
    var positions: RelativePositions { RelativePositions(buckets: buckets > 0 ? buckets : nil, maximum: maximum) }
    var rows: [Int] { runs.flatMap { Array(repeating: $0[0], count: $0[1]) } }
  }

  let reach: Int
  let tables: [Table]

  static let shared = Result {
    try JSONDecoder().decode(PositionFixture.self, from: Data(contentsOf: Fixtures.file("positions/rows.json")))
  }
}

@Suite struct PositionTests {
  @Test func everyDistanceHasTheRowOfTheReference() throws {
    let fixture = try PositionFixture.shared.get()
    #expect(fixture.tables.count == 18)
    for table in fixture.tables {
      let expected = table.rows
      try #require(expected.count == 2 * fixture.reach + 1)
      let ours = (-fixture.reach...fixture.reach).map { table.positions.row(ofDistance: $0) }
      let wrong = zip(-fixture.reach...fixture.reach, zip(ours, expected)).filter { $1.0 != $1.1 }
      #expect(wrong.isEmpty, "\(table.testDescription): \(wrong.prefix(5))")
    }
  }

  /// Negative control: the tables are not all one.
  @Test func tablesOfOtherBucketsAreOthers() throws {
    let tables = try PositionFixture.shared.get().tables
    for (index, table) in tables.enumerated() {
      for other in tables[(index + 1)...] { #expect(table.rows != other.rows) }
    }
  }

  @Test func distancesThatAreCalledPlainHaveRowsOneAfterTheOther() throws {
    for table in try PositionFixture.shared.get().tables {
      let positions = table.positions
      let plain = positions.plainDistance
      #expect(plain >= 1)
      let rows = (1 - plain...plain - 1).map { positions.row(ofDistance: $0) }
      #expect(zip(rows, rows.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(table.testDescription)")
      #expect(positions.row(ofDistance: 0) == positions.span)
      #expect(positions.rows == 2 * positions.span)
    }
  }
}
