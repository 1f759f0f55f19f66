internal import FoundationEssentials

/// An `http` or `https` address.
public struct WebAddress: Hashable, Sendable, CustomStringConvertible {
  /// The whole of it, which may carry a signature: it is sent, and never shown.
  let text: String
  let scheme: String
  public let host: String
  let port: Int
  private let path: String
  private let hasUser: Bool
  private let query: String?

  /// Whether a text is meant as an address of the web.
  public static func isMeant(by text: String) -> Bool {
    let start = text.prefix(8).lowercased()
    return start.hasPrefix("http://") || start == "https://"
  }

  /// Nil for what is no address of the web.
  public init?(_ text: String) {
    guard text.utf8.count <= 16_384, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
      ["http", "https"].contains(scheme), let host = parts.host, !host.isEmpty
    else { return nil }
    (self.text, self.scheme, self.host) = (text, scheme, host)
    port = parts.port ?? (scheme == "https" ? 443 : 80)
    path = parts.percentEncodedPath
    query = parts.percentEncodedQuery
    hasUser = parts.user != nil || parts.password != nil
  }

  /// Whether it names a place alone: no user, password or query.
  var isPlain: Bool { !hasUser && query == nil && !text.contains("#") }

  /// Whether a token may follow here from another address.
  func hasOrigin(of other: WebAddress) -> Bool {
    (scheme, host.lowercased(), port) == (other.scheme, other.host.lowercased(), other.port)
  }

  /// Whether the connection is encrypted.
  var isSecure: Bool { scheme == "https" }

  /// The last part of its path.
  var lastName: String { String(path.split(separator: "/").last ?? "") }

  /// Where a `Location` or `Link` leads from here.
  func resolving(_ reference: String) -> WebAddress? {
    guard let base = URL(string: text), let url = URL(string: reference, relativeTo: base) else { return nil }
    return WebAddress(url.absoluteString)
  }

  /// A place below it: the parts are encoded.
  func appending(_ parts: [String], query: String? = nil) -> WebAddress? {
    WebAddress(
      ([text] + parts.map(Self.encoded)).joined(separator: "/") + (query.map { "?" + $0 } ?? ""))
  }

  /// One part of a path, a slash in it encoded, too.
  private static func encoded(_ part: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in part.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
        UInt8(ascii: "~"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The address without what may be secret: user, password and query.
  public var description: String {
    let standard = scheme == "https" ? 443 : 80
    return "\(scheme)://\(host)\(port == standard ? "" : ":\(port)")\(path)"
  }
}
