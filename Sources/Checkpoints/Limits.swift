#if _endian(big)
  #error("Checkpoint files are little-endian and are read without swapping bytes.")
#endif

/// What a file may ask for at most, whatever its format.
///
/// Published DeBERTa checkpoints hold a few hundred tensors with names of
/// about sixty bytes; the limits leave three orders of magnitude and keep the
/// cost of refusing a hostile file small.
enum Limits {
  static let tensors = 1_000_000
  static let nameBytes = 4096
  static let rank = 16
  static let shards = 10_000
  /// The safetensors reference reader's own limit.
  static let safetensorsHeader = 100_000_000
  static let jsonBytes = 100_000_000
  static let jsonDepth = 32
  static let zipEntries = 1_000_000
  static let pickleBytes = 64 << 20
  static let pickleStack = 1 << 20
  static let pickleMemo = 1 << 22
  static let pickleText = 1 << 20
  static let pickleObjects = 1 << 22
  /// How many times a PyTorch file's size its tensors may take together; more than once if they share storage.
  static let sharing = 8
  /// A tensor that repeats elements (stride 0) may be larger than its storage,
  /// but no larger than this many elements.
  static let repeatedElements = 1 << 24
}

/// The product of the factors, or nil if one is negative or it overflows.
///
/// A factor of zero does not excuse an overflow of the others: the product of
/// any part of the factors is then safe to compute, too.
func checkedProduct(_ factors: [Int]) -> Int? {
  var product = 1
  for factor in factors where factor != 0 {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    guard factor > 0, !overflow else { return nil }
    product = next
  }
  return factors.contains(0) ? 0 : product
}

/// Checks what every format shares: the length of a name and the rank.
func checkLimits(name: String, rank: Int, file: String) throws(CheckpointError) {
  guard name.utf8.count <= Limits.nameBytes else {
    throw .overLimit(.nameBytes, found: name.utf8.count, limit: Limits.nameBytes, file: file)
  }
  guard rank <= Limits.rank else {
    throw .overLimit(.rank, found: rank, limit: Limits.rank, file: file)
  }
}
