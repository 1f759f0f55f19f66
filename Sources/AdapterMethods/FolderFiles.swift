extension SavedAdapter {
  /// The possible file names of an adapter, alternatives grouped: the first existing file of each group is read.
  public static let fileNames = [[configurationFile], weightFiles + PeftFolder.weightFiles]
}

extension SavedFusion {
  /// The possible file names of a fusion, grouped like those of an adapter.
  public static let fileNames = [[configurationFile], weightFiles]
}
