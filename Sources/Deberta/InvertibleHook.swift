/// A state hook that another one may undo.
public protocol InvertibleHook: StateHook {
  /// What undoes it; nil where nothing does.
  var inverse: (any StateHook)? { get }
}

extension AdapterPlan {
  /// For each row of the pass, what undoes the change of its embeddings; nil for a row whose embeddings stay.
  ///
  /// - Returns: nil, if the change of some row cannot be undone.
  public func embeddingInverses() -> [(any StateHook)?]? {
    var inverses: [(any StateHook)?] = []
    for group in groups {
      var inverse: (any StateHook)?
      if let hook = group.hooks.hooks.afterEmbeddings {
        guard let found = (hook as? any InvertibleHook)?.inverse else { return nil }
        inverse = found
      }
      inverses += Array(repeating: inverse, count: group.rows.count)
    }
    return inverses
  }
}
