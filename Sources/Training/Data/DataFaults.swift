/// An unusable record of a data file, with the reason.
public struct DataFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  /// The line where the record begins, from 1.
  public let line: Int
  /// A sentence.
  public let reason: String
  /// Whether the record is valid except for a label that means none.
  let isUnlabeled: Bool

  init(path: String, line: Int, reason: String, isUnlabeled: Bool = false) {
    self.path = path
    self.line = line
    self.reason = reason
    self.isUnlabeled = isUnlabeled
  }

  public var description: String { "\(path), line \(line): \(reason)" }
}

/// The skipped records of a data file: all are counted, the first are kept.
public struct DataFaults: Hashable, Sendable {
  public let path: String
  /// The number of records read, valid or not.
  public private(set) var records = 0
  /// The number of faults.
  public private(set) var count = 0
  /// The first faults, in file order.
  public private(set) var first: [DataFault] = []
  /// The number of records whose label, -1 or -100, means none.
  ///
  /// They are not faults.
  public private(set) var unlabeledCount = 0
  /// The first of these records.
  public private(set) var firstUnlabeled: DataFault?

  init(path: String) { self.path = path }

  mutating func countRecord() { records += 1 }

  mutating func add(_ fault: DataFault, keeping limit: Int) {
    if fault.isUnlabeled {
      unlabeledCount += 1
      if fault.line < firstUnlabeled?.line ?? .max { firstUnlabeled = fault }
      return
    }
    count += 1
    // Some faults are found after reading all records, others during tokenization.
    let place = first.firstIndex { $0.line > fault.line } ?? first.count
    guard place < limit else { return }
    first.insert(fault, at: place)
    if first.count > limit { first.removeLast() }
  }

  /// Messages about the skipped records, one or two sentences for each kind.
  public var notes: [String] {
    var notes: [String] = []
    if let fault = first.first {
      notes.append("\(count) of \(records) records of \(path) were left out; the first: \(fault)")
    }
    if let fault = firstUnlabeled {
      notes.append(
        "\(unlabeledCount) of \(records) records of \(path) have no label and were left out; the first: \(fault) "
          + "If this number is a class, name all classes with --labels.")
    }
    return notes
  }
}

/// The tolerated number of malformed records: a fraction of them, or a number if that is larger.
public struct FaultTolerance: Hashable, Sendable {
  public var share: Double
  public var count: Int
  /// The number of faults to keep for reporting.
  public var kept: Int

  public init(share: Double = 0.01, count: Int = 10, kept: Int = 10) {
    self.share = share
    self.count = count
    self.kept = kept
  }

  /// No malformed records are tolerated.
  public static let none = FaultTolerance(share: 0, count: 0)

  /// - Throws: ``DatasetError/tooManyFaults(_:)``.
  func check(_ faults: DataFaults) throws(DatasetError) {
    let allowed = max(Double(count), share * Double(faults.records))
    if Double(faults.count) > allowed { throw .tooManyFaults(faults) }
  }
}
