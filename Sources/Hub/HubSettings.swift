internal import FoundationEssentials

/// Where the Hub is, who asks, and where files are kept: what huggingface_hub reads from the environment.
public struct HubSettings: Sendable {
  /// `HF_ENDPOINT`, by default `https://huggingface.co`.
  public let endpoint: WebAddress
  /// `HF_TOKEN`, or what the file `HF_TOKEN_PATH` or `$HF_HOME/token` holds.
  public let token: HubToken?
  /// `HF_HUB_CACHE`, by default `$HF_HOME/hub`.
  public let cache: String
  /// Where archives of the web are kept: `$HF_HOME/adapter-host`.
  let archives: String
  /// `HF_HUB_OFFLINE`: whether nothing but the cache is used.
  public let isOffline: Bool
  /// The proxy for a scheme: `https_proxy`, `http_proxy`, unless `no_proxy` names the host.
  let proxies: ProxySettings

  /// - Throws: ``HubError/badSetting(name:reason:)``; no value of a token stands in it.
  public init(environment: [String: String]) throws(HubError) {
    func value(_ names: String...) -> String? {
      names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    let text = value("HF_ENDPOINT") ?? "https://huggingface.co"
    guard let endpoint = WebAddress(text.trimmingSuffix("/")), endpoint.isPlain else {
      throw .badSetting(name: "HF_ENDPOINT", reason: "is not an address such as https://huggingface.co")
    }
    self.endpoint = endpoint
    guard let home = value("HF_HOME") ?? Self.cacheFolder(environment).map({ $0 + "/huggingface" }) else {
      throw .badSetting(
        name: "HF_HOME", reason: "is not set, and neither is HOME: there is no place for files of the Hub")
    }
    cache = Self.expanded(value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? home + "/hub", environment)
    archives = Self.expanded(home + "/adapter-host", environment)
    isOffline = Self.isTrue(value("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    proxies = ProxySettings(environment)
    if let text = value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") {
      token = try HubToken(text, from: "HF_TOKEN")
    } else {
      let path = Self.expanded(value("HF_TOKEN_PATH") ?? home + "/token", environment)
      let kept = try? String(contentsOfFile: path, encoding: .utf8)
      token = if let kept, kept.contains(where: { !$0.isWhitespace }) { try HubToken(kept, from: path) } else { nil }
    }
  }

  private static func cacheFolder(_ environment: [String: String]) -> String? {
    if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return folder }
    return environment["HOME"].flatMap { $0.isEmpty ? nil : $0 + "/.cache" }
  }

  private static func expanded(_ path: String, _ environment: [String: String]) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
    return home + path.dropFirst()
  }

  private static func isTrue(_ text: String?) -> Bool {
    text.map { ["1", "ON", "YES", "TRUE"].contains($0.uppercased()) } ?? false
  }
}

/// What shows the Hub who asks. Its description never holds it.
public struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  let secret: String

  /// - Parameter source: the variable or file that it comes from.
  /// - Throws: ``HubError/badSetting(name:reason:)`` for what cannot stand in a header.
  init(_ text: String, from source: String) throws(HubError) {
    let secret = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    guard !secret.isEmpty, secret.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw .badSetting(name: source, reason: "does not hold a token: tokens have visible ASCII characters only")
    }
    self.secret = secret
  }

  public var description: String { "a token" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// The text without the token, which a server may have repeated.
  func removed(from text: String) -> String { text.replacing(secret, with: "***") }
}

/// The proxies that the environment names.
struct ProxySettings: Sendable {
  private let https, http: WebAddress?
  private let exceptions: [String]

  init(_ environment: [String: String]) {
    func value(_ name: String) -> String? {
      [name, name.uppercased()].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
    }
    func address(_ text: String?) -> WebAddress? {
      text.flatMap { WebAddress($0.contains("://") ? $0 : "http://" + $0) }
    }
    https = address(value("https_proxy") ?? value("all_proxy"))
    http = address(value("http_proxy") ?? value("all_proxy"))
    exceptions = (value("no_proxy") ?? "").split(separator: ",").map { String($0.filter { $0 != " " }).lowercased() }
  }

  /// The proxy for an address, if it has one.
  func proxy(for address: WebAddress) -> WebAddress? {
    let host = address.host.lowercased()
    let isException = exceptions.contains { name in
      name == "*" || host == name || host.hasSuffix(name.hasPrefix(".") ? name : "." + name)
    }
    return isException ? nil : address.isSecure ? https : http
  }

  var all: [WebAddress] { [https, http].compactMap { $0 } }
}

extension String {
  /// The text without the ending, as often as it has it.
  func trimmingSuffix(_ suffix: String) -> String {
    var text = self
    while !suffix.isEmpty, text.hasSuffix(suffix) { text.removeLast(suffix.count) }
    return text
  }
}
