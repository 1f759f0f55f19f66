/// The version of this package: the newest heading of `CHANGELOG.md`, as a test checks.
public enum ProgramVersion {
  public static let current = "0.1.0"
}
