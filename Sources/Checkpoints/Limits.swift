#if _endian(big)
  #error("Checkpoint files are little-endian and are read without swapping bytes.")
#endif

/// Limits on input: every cap in the program that does not depend on a model, with its reason.
///
/// Published DeBERTa checkpoints contain a few hundred tensors with names of about sixty bytes, configurations of a few
/// kilobytes and tokenizers of up to sixteen megabytes. The limits leave one to three orders of magnitude, and keep the
/// cost of refusing a hostile file below twice its size plus 500 MB.
public enum Limits {
  // MARK: Files by their role

  /// Bytes of a configuration, settings or label file: a million labels need less.
  public static let configurationBytes = 16 << 20
  /// Bytes of `spm.model` and of `tokenizer.json`; mDeBERTa's, with 250,000 pieces, has 16 MB.
  public static let tokenizerBytes = 64 << 20
  /// Bytes of a JSON file of token ids, about ten million of them.
  public static let inputBytes = 32 << 20

  // MARK: Lines of text

  /// Bytes of an input line: its tokens take hundreds of times its size, and no model reads that many.
  public static let lineBytes = 4_000_000
  /// Bytes of a line or record of training data, which may contain more than texts.
  public static let recordBytes = 64_000_000
  /// Columns of a table, or members of a record.
  public static let columns = 10_000
  /// Words of a sentence to tag: as many as in a novel.
  public static let sentenceWords = 200_000
  /// Distinct labels inferred from data; more than this are texts or row numbers rather than labels.
  public static let inferredLabels = 1 << 17
  /// Bytes without a line end after which the input counts as endless.
  public static let endlessLineBytes = 200_000_000
  /// Bytes of a text that are always tokenized, so that the number of truncated tokens is exact.
  public static let exactTextBytes = 1 << 20

  /// Bytes by which a normalized text may exceed three times its size: its tokens take fifty times as many.
  public static let normalizedTextBytes = 4 << 20
  /// Bytes of one target in a normalization table: Unicode's longest compatibility form takes 33.
  public static let normalizedBytes = 64
  /// The maximum growth factor of a text by the steps of `tokenizer.json`.
  public static let normalizedGrowth = 256.0

  // MARK: Texts as they are computed

  /// Tokens of everything that heads read of one text: windows repeat what they share, and contexts, choices and
  /// candidate labels what stands with them. Each takes about a hundred bytes.
  public static let textTokens = 1 << 22
  /// Tokens of everything that one request to an engine has computed.
  public static let requestTokens = 1 << 20
  /// Numbers that a masked language model gives for the masks of one request: those of 260 masks, for 128,000 pieces.
  public static let maskOutputs = 1 << 25
  /// Bytes of the answer to one request.
  public static let answerBytes = 32 << 20

  // MARK: JSON

  /// Nesting levels: configurations have about five.
  public static let jsonDepth = 32
  /// Lists and objects: each takes about a hundred bytes of memory for two in the file.
  public static let jsonContainers = 1 << 21

  /// Members and elements of a record of training data: all of SQuAD, on one line, has about a million.
  public static let recordValues = 1 << 21

  // MARK: Tensors

  public static let tensors = 1_000_000
  public static let nameBytes = 4096
  public static let rank = 16
  public static let shards = 10_000
  /// Labels of a head.
  public static let labels = 1 << 20
  /// The limit of the safetensors reference reader.
  public static let safetensorsHeader = 100_000_000
  /// Entries of `__metadata__`; files have one to ten.
  public static let metadata = 100_000

  // MARK: PyTorch files

  public static let zipEntries = 1_000_000
  public static let pickleBytes = 64 << 20
  public static let pickleStack = 1 << 20
  public static let pickleMemo = 1 << 21
  public static let pickleText = 1 << 20
  public static let pickleObjects = 1 << 21
  /// The maximum total size of a PyTorch file's tensors, as a multiple of the file's; above one if they share storage.
  public static let sharing = 8
  /// A tensor that repeats elements (stride 0) may be larger than its storage, but not larger than this many elements.
  public static let repeatedElements = 1 << 24
}

/// The product of the factors, or nil if one is negative or it overflows.
///
/// A zero factor does not hide an overflow of the others: the product of any subset of the factors is then safe to
/// compute, too.
func checkedProduct(_ factors: [Int]) -> Int? {
  var product = 1
  for factor in factors where factor != 0 {
    let (next, overflow) = product.multipliedReportingOverflow(by: factor)
    guard factor > 0, !overflow else { return nil }
    product = next
  }
  return factors.contains(0) ? 0 : product
}

/// Checks the limits shared by all formats: the length of a name and the rank.
func checkLimits(name: String, rank: Int, file: String) throws(CheckpointError) {
  guard name.utf8.count <= Limits.nameBytes else {
    throw .overLimit(.nameBytes, found: name.utf8.count, limit: Limits.nameBytes, file: file)
  }
  guard rank <= Limits.rank else {
    throw .overLimit(.rank, found: rank, limit: Limits.rank, file: file)
  }
}
