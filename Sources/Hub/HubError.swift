/// Why something of the Hub or the web cannot be had, or cannot be put there.
public enum HubError: Error, Hashable, Sendable {
  case badAddress(String, reason: String)
  case badSetting(name: String, reason: String)
  /// The program was built without the client.
  case noClient(String)
  /// Only what is in the cache may be used.
  case offline(String, reason: String)
  case offlineUpload(HubAddress)
  case noRepository(HubAddress, endpoint: String, hasToken: Bool)
  case noRevision(HubAddress)
  case noFile(HubAddress, file: String)
  case gated(HubAddress, endpoint: String, hasToken: Bool)
  case forbidden(String, message: String)
  /// The server answers something else than the Hub does.
  case notTheHub(String, found: String)
  case noConnection(String, reason: String)
  case busy(String, status: Int, seconds: Int?)
  case refused(String, status: Int, message: String)
  case badAnswer(String, reason: String)
  case redirects(String)
  /// What was received is not the file.
  case wrongContent(String, file: String, reason: String)
  case diskFull(String, needed: Int, free: Int)
  case nothingUsable(HubAddress, files: [String])
  case moved(HubAddress)
  case noToken(HubAddress)
  case badArchive(String, reason: String)
}

extension HubError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badAddress(let text, let reason):
      "'\(text)' is not an address of the Hugging Face Hub: \(reason). Addresses are written hf:ORG/NAME or "
        + "hf:ORG/NAME@REVISION."
    case .badSetting(let name, let reason): "\(name) \(reason)."
    case .noClient(let address):
      "\(address) cannot be fetched: this program was built without the client for the Hub. Download it with another "
        + "program and name the folder, or build with the trait Hub, which is on by default."
    case .offline(let address, let reason):
      "\(address): HF_HUB_OFFLINE is set, and \(reason). Run the command once without HF_HUB_OFFLINE to download it."
    case .offlineUpload(let address): "HF_HUB_OFFLINE is set: unset it to upload to \(address.repository)."
    case .noRepository(let address, let endpoint, let hasToken):
      "There is no repository \(address.repository) at \(endpoint), or it is private"
        + (hasToken
          ? " and your token may not read it. Check the spelling and the token's permissions."
          : ". Check the spelling; for a private one set HF_TOKEN to a token that may read it.")
    case .noRevision(let address):
      "The repository \(address.repository) has no revision '\(address.branch)'. Name one of its branches, tags or "
        + "commits after the '@'; without '@' it is main."
    case .noFile(let address, let file):
      "\(address) has no file '\(file)'."
    case .gated(let address, let endpoint, let hasToken):
      "Access to \(address.repository) is granted by its owners on request. Ask for it at "
        + "\(endpoint)/\(address.repository)"
        + (hasToken ? "; your token does not have it yet." : ", and set HF_TOKEN to your token.")
    case .forbidden(let address, let message):
      "\(address): permission is denied\(message.isEmpty ? "" : " (\(message))"). Check that HF_TOKEN is a token with "
        + "permission for this."
    case .notTheHub(let address, let found):
      "\(address) answers with \(found), not as the Hub does. A proxy or a login page may be in between; check the "
        + "connection, https_proxy and HF_ENDPOINT."
    case .noConnection(let address, let reason):
      "\(address) cannot be reached: \(reason). Check the connection and HF_ENDPOINT; with HF_HUB_OFFLINE=1 what was "
        + "downloaded before is used."
    case .busy(let address, let status, let seconds):
      "\(address) answers that it is \(status == 429 ? "asked too often" : "not available") (\(status)). "
        + (seconds.map { "Try again in \($0) seconds." } ?? "Try again later.")
        + (status == 429 ? " With HF_TOKEN set the Hub allows more requests." : "")
    case .refused(let address, let status, let message):
      "\(address) refuses the request with status \(status)\(message.isEmpty ? "" : ": \(message)")\(message.hasSuffix(".") ? "" : ".")"
    case .badAnswer(let address, let reason): "The answer of \(address) cannot be used: \(reason)."
    case .redirects(let address): "\(address) leads from one address to the next without end, or to one that is none."
    case .wrongContent(let address, let file, let reason):
      "'\(file)' of \(address) was not received as it is there: \(reason). Nothing of it is kept. Try again; if it "
        + "happens again, a proxy or a mirror changes the file."
    case .diskFull(let path, let needed, let free):
      "\(needed) bytes are to be downloaded to \(path), where \(free) bytes are free. Make room, or set HF_HUB_CACHE to "
        + "a folder on another disk."
    case .nothingUsable(let address, let files):
      "\(address) holds no adapter, head, fusion, setup or DeBERTa checkpoint: it has "
        + (files.isEmpty
          ? "no files."
          : files.prefix(8).map { "'\($0)'" }.joined(separator: ", ") + (files.count > 8 ? " and others." : "."))
    case .moved(let address):
      "\(address) was changed by someone else at the same time; nothing was uploaded. Look at the change and try again."
    case .noToken(let address):
      "To upload to \(address.repository), set HF_TOKEN to a token with write permission."
    case .badArchive(let path, let reason): "The archive \(path) is refused: \(reason). Nothing of it was unpacked."
    }
  }
}
