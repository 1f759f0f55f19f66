import AdapterHost
import Foundation
import Synchronization

/// The clients' API keys, each with a name and an optional quota of tokens per minute.
final class Keys: Sendable {
  /// The usage of a key.
  final class Account: Sendable {
    let name: String
    /// Tokens per minute; nil: unlimited.
    let quota: Int?
    private let state: Mutex<(tokens: Double, since: ContinuousClock.Instant)>

    init(name: String, quota: Int?) {
      self.name = name
      self.quota = quota
      state = Mutex((Double(quota ?? 0), .now))
    }

    /// The seconds until the key may be used again; nil if it may be used now.
    func wait(at now: ContinuousClock.Instant = .now) -> Int? {
      guard let quota else { return nil }
      return state.withLock { state in
        refill(&state, now, quota)
        return state.tokens > 0 ? nil : max(1, Int((-state.tokens * 60 / Double(quota)).rounded(.up)))
      }
    }

    /// Takes tokens, unless those of this minute are used up; a negative number gives tokens back.
    ///
    /// - Returns: the seconds until the key may be used again, if it may not be used now.
    func charge(_ tokens: Int, at now: ContinuousClock.Instant = .now) -> Int? {
      guard let quota else { return nil }
      return state.withLock { state in
        refill(&state, now, quota)
        if tokens > 0, state.tokens <= 0 { return max(1, Int((-state.tokens * 60 / Double(quota)).rounded(.up))) }
        state.tokens -= Double(tokens)
        return nil
      }
    }

    private func refill(
      _ state: inout (tokens: Double, since: ContinuousClock.Instant), _ now: ContinuousClock.Instant, _ quota: Int
    ) {
      state.tokens = min(Double(quota), state.tokens + (now - state.since).seconds * Double(quota) / 60)
      state.since = now
    }
  }

  private let accounts: [(digest: [UInt8], account: Account)]

  /// Reads a key file: each line has a key and, optionally, a name and a number of tokens per minute; `#` begins a
  /// comment.
  ///
  /// - Throws: `KeyFileError`.
  init(file: String) throws {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
      throw KeyFileError(file: file, reason: "cannot be read")
    }
    var accounts: [(digest: [UInt8], account: Account)] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let key = words.first else { continue }
      let quota = words.count > 2 ? Int(words[2]) : nil
      guard words.count <= 3, words.count < 3 || (quota ?? 0) > 0 else {
        throw KeyFileError(
          file: file, reason: "line \(number + 1): expected KEY, KEY NAME or KEY NAME TOKENS_A_MINUTE")
      }
      let name = words.count > 1 ? words[1] : "key-\(accounts.count + 1)"
      accounts.append((Self.digest(key), Account(name: name, quota: quota)))
    }
    guard !accounts.isEmpty else { throw KeyFileError(file: file, reason: "has no key") }
    self.accounts = accounts
  }

  /// The account of a key, compared in constant time.
  func account(_ key: String) -> Account? {
    let digest = Self.digest(key)
    var found: Account?
    for (own, account) in accounts where Self.isEqual(own, digest) { found = account }
    return found
  }

  static func digest(_ key: String) -> [UInt8] { Array(ContentDigest(of: key.utf8).text.utf8) }

  static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// The token for the routes that change which adapters are served.
struct AdminToken: Sendable {
  private let digest: [UInt8]

  /// - Throws: `KeyFileError`.
  init(file: String) throws {
    let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
    let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !token.isEmpty, !token.contains(where: \.isWhitespace) else {
      throw KeyFileError(file: file, reason: "expected one line, the token")
    }
    digest = Keys.digest(token)
  }

  func opens(_ token: String) -> Bool { Keys.isEqual(digest, Keys.digest(token)) }
}

/// A key file that cannot be used.
struct KeyFileError: Error, CustomStringConvertible {
  let file: String
  let reason: String

  var description: String { "\(file): \(reason)." }
}

/// The sender of a request.
enum Caller: Sendable {
  case anyone
  case key(Keys.Account)
  case admin

  /// The key for fair sharing of the engine; nil: the adapter's.
  var fairnessKey: String? {
    switch self {
    case .key(let account): "key " + account.name
    case .anyone, .admin: nil
    }
  }

  /// Takes tokens of the key.
  ///
  /// - Throws: `Failure.overloaded`, if those of this minute are used up.
  func charge(_ tokens: Int) throws(Failure) {
    guard case .key(let account) = self, let seconds = account.charge(tokens) else { return }
    throw .quota(account, seconds: seconds)
  }
}
