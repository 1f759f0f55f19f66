/// A state hook that can be undone.
public protocol InvertibleHook: StateHook {
  /// The inverse hook; nil if there is none.
  var inverse: (any StateHook)? { get }
}

extension AdapterPlan {
  /// For each row of the pass, the hook that undoes the change of its embeddings; nil for a row with unchanged
  /// embeddings.
  ///
  /// - Returns: nil if some row's change cannot be undone.
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
