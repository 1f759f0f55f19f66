/// A record of a data file that cannot be used, and why.
public struct DataFault: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  /// Where the record begins; the first line is 1.
  public let line: Int
  /// A sentence.
  public let reason: String
  /// Whether the record is sound but for a label, which says that it has none.
  let isUnlabeled: Bool

  init(path: String, line: Int, reason: String, isUnlabeled: Bool = false) {
    self.path = path
    self.line = line
    self.reason = reason
    self.isUnlabeled = isUnlabeled
  }

  public var description: String { "\(path), line \(line): \(reason)" }
}

/// The records of a data file that were left out: all are counted, the first are kept.
public struct DataFaults: Hashable, Sendable {
  public let path: String
  /// All records that were read, sound or not.
  public private(set) var records = 0
  /// Those that cannot be used.
  public private(set) var count = 0
  /// The first of these in the file.
  public private(set) var first: [DataFault] = []
  /// Those whose label, -1 or -100, says that they have none. They are no faults.
  public private(set) var unlabeledCount = 0
  /// The first of these.
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
    // Some faults are found when all records are read, others when examples are cut into tokens.
    let place = first.firstIndex { $0.line > fault.line } ?? first.count
    guard place < limit else { return }
    first.insert(fault, at: place)
    if first.count > limit { first.removeLast() }
  }

  /// What a person should know of the records that were left out, a sentence or two for each kind.
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

/// How many records of a data file may be malformed: a share of them, or a number if that is more.
public struct FaultTolerance: Hashable, Sendable {
  public var share: Double
  public var count: Int
  /// How many faults are kept to be told.
  public var kept: Int

  public init(share: Double = 0.01, count: Int = 10, kept: Int = 10) {
    self.share = share
    self.count = count
    self.kept = kept
  }

  /// The first malformed record is an error.
  public static let none = FaultTolerance(share: 0, count: 0)

  /// - Throws: ``DatasetError/tooManyFaults(_:)``.
  func check(_ faults: DataFaults) throws(DatasetError) {
    let allowed = max(Double(count), share * Double(faults.records))
    if Double(faults.count) > allowed { throw .tooManyFaults(faults) }
  }
}
