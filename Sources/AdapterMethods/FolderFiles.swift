extension SavedAdapter {
  /// The names that the files of an adapter may have, those that say the same one after the other: of each list the
  /// first that is there is read.
  public static let fileNames = [[configurationFile], weightFiles + PeftFolder.weightFiles]
}

extension SavedFusion {
  /// The names that the files of a fusion may have, as those of an adapter.
  public static let fileNames = [[configurationFile], weightFiles]
}
