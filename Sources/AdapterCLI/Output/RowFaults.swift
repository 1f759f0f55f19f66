internal import AdapterHost

/// Collects the unreadable rows of the registry that a listing skipped.
final class RowFaults {
  private var faults: [RegistryError] = []

  func add(_ fault: RegistryError) { faults.append(fault) }

  /// Runs `body`, returning nil for an unreadable row.
  func value<T>(_ body: () throws -> T?) throws -> T? {
    do { return try body() } catch let error as RegistryError {
      guard case .badRow = error else { throw error }
      add(error)
      return nil
    }
  }

  /// - Throws: an error that names the skipped rows, if there are any: the output is incomplete.
  func report() throws {
    if !faults.isEmpty { throw UnreadableRows(faults: faults) }
  }
}

private struct UnreadableRows: Error, CustomStringConvertible {
  let faults: [RegistryError]

  var description: String {
    let shown = faults.prefix(5).map(\.description).joined(separator: "\n")
    return faults.count > 5 ? shown + "\n\(faults.count - 5) more rows cannot be read." : shown
  }
}
