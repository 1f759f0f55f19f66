/// Selects the child of a MultiTask for a row: by index, from 0, or by name.
public enum TaskID: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  case number(Int)
  case name(String)

  public init(integerLiteral number: Int) { self = .number(number) }
  public init(stringLiteral name: String) { self = .name(name) }
}

extension Composition {
  /// Whether rows need a task to select their adapters.
  public var needsTasks: Bool {
    if case .multiTask = self { return true }
    return children.contains(where: \.needsTasks)
  }

  /// The composition of each row, with every MultiTask replaced by the child for the row's task.
  ///
  /// Each row then has the same result as with that child alone. Tasks may have no rows.
  /// - Parameter tasks: one for each row.
  /// - Throws: `CompositionError.noMultiTask`, `.unknownTask`; `.unsupported` for another block that selects rows.
  public func rows(tasks: [TaskID]) throws(CompositionError) -> [Composition] {
    guard needsTasks else { throw .noMultiTask }
    var rows: [Composition] = []
    for (row, task) in tasks.enumerated() { rows.append(try resolved(task, row: row)) }
    return rows
  }

  private func resolved(_ task: TaskID, row: Int) throws(CompositionError) -> Composition {
    guard needsTasks else { return self }
    switch self {
    case .multiTask(let children):
      let index: Int? =
        switch task {
        case .number(let number): children.indices.contains(number) ? number : nil
        case .name(let name): children.firstIndex { $0.description == name } ?? Self.only(children, endingWith: name)
        }
      guard let index else {
        let text =
          switch task {
          case .number(let number): "\(number)"
          case .name(let name): "'\(name)'"
          }
        throw .unknownTask(text, row: row, children: children.map(\.description))
      }
      return children[index]
    case .stack(let children):
      var resolved: [Composition] = []
      for child in children { resolved.append(try child.resolved(task, row: row)) }
      return .stack(resolved)
    default:
      throw .unsupported(block: block?.rawValue ?? "", what: "rows that MultiTask sends to their tasks")
    }
  }

  /// The only child whose last adapter has this name.
  private static func only(_ children: [Composition], endingWith name: String) -> Int? {
    let found = children.indices.filter { children[$0].last == name }
    return found.count == 1 ? found[0] : nil
  }
}
