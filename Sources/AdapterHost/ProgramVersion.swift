/// The version of this package; a test compares it with the newest heading of `CHANGELOG.md`.
public enum ProgramVersion {
  public static let current = "0.1.0"
}
