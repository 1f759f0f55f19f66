import AdapterHost
import ArgumentParser
import Configuration
import Foundation
import Logging
import SystemPackage

/// The server's settings.
struct ServerSettings: Sendable {
  var workspace = WorkspaceRequest()
  var host = "127.0.0.1"
  var port = 8080
  var threads: Int?
  var precision: Precision?
  var workers = 2
  var apiKeys: String?
  var adminToken: String?
  var adapterRoots: [String] = []
  var maximumBody = 2_000_000
  var maximumInputs = 32
  var maximumConnections = 10_000
  /// The time limit for queueing and computing a request, unless it sets its own.
  var requestTimeout = Duration.seconds(30)
  /// The time limit for receiving a header or a body, and for idle connections.
  var idleTimeout = Duration.seconds(30)
  var truncates = true
  var limits = Engine.Limits()
  var logsJSON = false
  var logLevel = Logger.Level.info
}

/// The command line flags; each can also be set in the environment or in a file.
struct ServerArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A file of settings: a JSON object with the names of the flags, such as {\"port\": 80}.", valueName: "file"))
  var config: String?
  @Option(help: ArgumentHelp("A checkpoint's folder, or the name of a registered base model.", valueName: "dir"))
  var model: String?
  @Option(help: ArgumentHelp("The registry to use.", valueName: "file.sqlite")) var registry: String?
  @Option(help: ArgumentHelp("An adapter's folder and the name it gets; may be repeated.", valueName: "name=dir"))
  var adapter: [String] = []
  @Option(
    help: ArgumentHelp(
      "What acts if a request names nothing; by default the registry's active setup.", valueName: "expr"))
  var setup: String?
  @Option(help: "The address to listen on; by default 127.0.0.1.") var host: String?
  @Option(help: "The port to listen on, 0 for any; by default 8080.") var port: Int?
  @Option(help: "Threads that compute; by default one for each processor.") var threads: Int?
  @Option(
    help: ArgumentHelp(
      "What the linear layers of base models are computed in: float32, bf16 or int8; by default float32, or int8 for a "
        + "model that 'adapter-cli quantize' wrote.", valueName: "precision"))
  var precision: String?
  @Option(help: "Threads that cut texts into tokens and load adapters; by default 2.") var workers: Int?
  @Option(
    help: ArgumentHelp(
      "A file of keys, one on each line: KEY [NAME [TOKENS-A-MINUTE]]. Requests need one.", valueName: "file"))
  var apiKeys: String?
  @Option(
    help: ArgumentHelp("A file with the token that opens the routes which load and unload adapters.", valueName: "file")
  )
  var adminToken: String?
  @Option(
    help: ArgumentHelp(
      "A folder below which adapters may be loaded over HTTP; may be repeated. Adapters/ beside the registry always is one.",
      valueName: "dir"))
  var adapterRoot: [String] = []
  @Option(help: "The most bytes of a body; by default 2000000.") var maxBody: Int?
  @Option(help: "The most texts of a request; by default 32.") var maxInputs: Int?
  @Option(help: "The most connections; by default 10000.") var maxConnections: Int?
  @Option(help: "The most seconds of work that may wait; by default 5.") var maxQueueSeconds: Int?
  @Option(help: "The milliseconds that a pass should take; by default 100.") var slice: Int?
  @Option(help: "The most megabytes of adapters that are kept; by default 1024.") var adapterMemory: Int?
  @Option(help: "The seconds that a request may wait; by default 30.") var requestTimeout: Int?
  @Option(help: "Whether longer texts are cut if a request does not say: true or false; by default true.")
  var autoTruncate: Bool?
  @Option(help: "How logs are written: text or json; by default text.") var logFormat: String?
  @Option(help: "What is logged: trace, debug, info, notice, warning, error or critical; by default info.")
  var logLevel: String?

  /// What a setting is in a file.
  private enum Kind: String {
    case text = "a string"
    case number = "a whole number"
    case list = "a list of strings"
    case flag = "true or false"

    func takes(_ value: JSONValue) -> Bool {
      switch (self, value) {
      case (.text, .string), (.number, .integer), (.flag, .bool): true
      case (.number, .string(let text)): Int(text) != nil
      case (.flag, .string(let text)): ["true", "false", "1", "0"].contains(text)
      case (.list, _): value.texts != nil
      default: false
      }
    }
  }

  /// The settings that the environment and a file may have.
  private static let kinds: [String: Kind] = [
    "model": .text, "registry": .text, "adapter": .list, "setup": .text, "host": .text, "port": .number,
    "threads": .number, "precision": .text, "workers": .number, "api-keys": .text, "admin-token": .text,
    "adapter-root": .list,
    "max-body": .number, "max-inputs": .number, "max-connections": .number, "max-queue-seconds": .number,
    "slice": .number, "adapter-memory": .number, "request-timeout": .number, "auto-truncate": .flag,
    "log-format": .text, "log-level": .text,
  ]

  /// Flags take precedence over the environment (`ADAPTER_SERVER_PORT`), and that over the file.
  ///
  /// - Throws: `ValidationError`.
  func settings(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) async throws -> ServerSettings {
    try Self.check(environment: environment)
    var providers: [any ConfigProvider] = [
      EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "adapter.server")
    ]
    if let config {
      try Self.check(file: config)
      providers.append(try await FileProvider<JSONSnapshot>(filePath: FilePath(config)))
    }
    let reader = ConfigReader(providers: providers)
    func text(_ flag: String?, _ name: String) -> String? { flag ?? reader.string(forKey: ConfigKey([name])) }
    func list(_ flag: [String], _ name: String) -> [String] {
      flag.isEmpty ? reader.stringArray(forKey: ConfigKey([name])) ?? [] : flag
    }
    func number(_ flag: Int?, _ name: String, _ range: ClosedRange<Int>, _ standard: Int) throws -> Int {
      var value = flag
      if value == nil, let text = reader.string(forKey: ConfigKey([name])) {
        guard let number = Int(text) else { throw ValidationError("\(name) is '\(text)'; expected a number.") }
        value = number
      }
      value = value ?? reader.int(forKey: ConfigKey([name]))
      if let value, !range.contains(value) {
        throw ValidationError("\(name) is \(value); expected \(range.lowerBound) to \(range.upperBound).")
      }
      return value ?? standard
    }
    var settings = ServerSettings()
    settings.workspace.model = text(model, "model")
    settings.workspace.registry = text(registry, "registry")
    settings.workspace.setup = text(setup, "setup")
    for entry in list(adapter, "adapter") {
      let sides = entry.split(separator: "=", maxSplits: 1).map(String.init)
      guard sides.count == 2 else { throw ValidationError("--adapter is '\(entry)'; expected NAME=DIR.") }
      settings.workspace.adapters[sides[0]] = sides[1]
    }
    settings.host = text(host, "host") ?? settings.host
    settings.port = try number(port, "port", 0...65_535, settings.port)
    let width = try number(threads, "threads", 0...4096, 0)
    settings.threads = width == 0 ? nil : width
    if let name = text(precision, "precision") {
      guard let precision = Precision(rawValue: name) else {
        throw ValidationError(
          "precision is '\(name)'; expected \(Precision.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      settings.precision = precision
    }
    settings.workers = try number(workers, "workers", 1...256, settings.workers)
    settings.apiKeys = text(apiKeys, "api-keys")
    settings.adminToken = text(adminToken, "admin-token")
    settings.adapterRoots = list(adapterRoot, "adapter-root")
    settings.maximumBody = try number(maxBody, "max-body", 1...1 << 30, settings.maximumBody)
    settings.maximumInputs = try number(maxInputs, "max-inputs", 1...4096, settings.maximumInputs)
    settings.maximumConnections = try number(
      maxConnections, "max-connections", 1...1_000_000, settings.maximumConnections)
    settings.limits.queue = .seconds(try number(maxQueueSeconds, "max-queue-seconds", 0...3600, 5))
    settings.limits.slice = .milliseconds(try number(slice, "slice", 1...60_000, 100))
    settings.limits.adapterBytes = try number(adapterMemory, "adapter-memory", 0...1 << 22, 1024) << 20
    settings.requestTimeout = .seconds(try number(requestTimeout, "request-timeout", 1...86_400, 30))
    switch autoTruncate.map({ "\($0)" }) ?? reader.string(forKey: "auto-truncate") {
    case nil: settings.truncates = reader.bool(forKey: "auto-truncate") ?? true
    case "true", "1": settings.truncates = true
    case "false", "0": settings.truncates = false
    case let other?: throw ValidationError("auto-truncate is '\(other)'; expected true or false.")
    }
    switch text(logFormat, "log-format") ?? "text" {
    case "text": settings.logsJSON = false
    case "json": settings.logsJSON = true
    case let other: throw ValidationError("log-format is '\(other)'; expected 'text' or 'json'.")
    }
    if let name = text(logLevel, "log-level") {
      guard let level = Logger.Level(rawValue: name) else {
        throw ValidationError(
          "log-level is '\(name)'; expected one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      settings.logLevel = level
    }
    return settings
  }

  /// Refuses variables that were meant for a setting and are named like none.
  ///
  /// Kubernetes sets ADAPTER_SERVER_SERVICE_HOST and the like for a service of that name.
  private static func check(environment: [String: String]) throws {
    let known = kinds.keys.map { "ADAPTER_SERVER_" + $0.uppercased().replacing("-", with: "_") }
    for name in environment.keys.sorted() where name.hasPrefix("ADAPTER_SERVER_") && !known.contains(name) {
      let rest = name.dropFirst("ADAPTER_SERVER_".count)
      if rest.hasPrefix("SERVICE_") || rest.hasPrefix("PORT_") { continue }
      let nearest = NearestNames.of(name, in: known.sorted(), limit: 1)
      throw ValidationError(
        "The variable \(name) names no setting" + (nearest.first.map { "; did you mean \($0)?" } ?? "."))
    }
  }

  /// Refuses a file with members that are no settings, or not what a setting is.
  private static func check(file: String) throws {
    guard case .object(let members) = try JSONValue(path: file) else {
      throw ValidationError("\(file) is no JSON object; expected the names of flags with their values.")
    }
    for (name, value) in members.sorted(by: { $0.key < $1.key }) {
      guard let kind = kinds[name] else {
        let nearest = NearestNames.of(name, in: kinds.keys.sorted(), limit: 1)
        throw ValidationError(
          "\(file): '\(name)' is no setting" + (nearest.first.map { "; did you mean '\($0)'?" } ?? "."))
      }
      guard kind.takes(value) else {
        throw ValidationError("\(file): '\(name)' is \(value.brief); expected \(kind.rawValue).")
      }
    }
  }
}
