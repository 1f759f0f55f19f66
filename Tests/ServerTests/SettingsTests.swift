import AdapterHost
import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import AdapterServer

/// Settings come from flags, then the environment, then a file; what is none is refused.
@Suite struct SettingsTests {
  private func settings(_ arguments: [String], _ environment: [String: String] = [:]) async throws -> ServerSettings {
    try await ServerArguments.parse(arguments).settings(environment: environment)
  }

  @Test func flagsComeBeforeTheEnvironmentAndThatBeforeTheFile() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(
      #"{"port": 1, "max-inputs": 2, "host": "0.0.0.0", "auto-truncate": false, "adapter-root": ["/a", "/b"]}"#,
      as: "settings.json")
    let environment = ["ADAPTER_SERVER_PORT": "3", "ADAPTER_SERVER_MAX_INPUTS": "4"]
    let all = try await settings(["--config", file, "--port", "5"], environment)
    #expect(all.port == 5 && all.maximumInputs == 4 && all.host == "0.0.0.0" && !all.truncates)
    #expect(all.adapterRoots == ["/a", "/b"])
    #expect(try await settings(["--config", file]).port == 1)
    #expect(try await settings(["--config", file], ["ADAPTER_SERVER_PRECISION": "bf16"]).precision == .bf16)
    #expect(try await settings(["--precision", "int8"]).precision == .int8)
    let none = try await settings([])
    #expect(none.precision == nil)
    #expect(none.port == 8080 && none.maximumInputs == 32 && none.truncates && none.host == "127.0.0.1")
  }

  @Test func whatIsNoSettingIsRefusedByItsName() async throws {
    let folder = try TemporaryFolder()
    let unknown = try folder.write(#"{"prot": 1}"#, as: "unknown.json")
    await #expect(throws: ValidationError.self) { _ = try await settings(["--config", unknown]) }
    for arguments in [
      ["--precision", "int4"], ["--port", "70000"], ["--log-format", "xml"], ["--log-level", "loud"],
      ["--adapter", "x"],
    ] {
      await #expect(throws: ValidationError.self, "\(arguments)") { _ = try await settings(arguments) }
    }
    await #expect(throws: ValidationError.self) { _ = try await settings([], ["ADAPTER_SERVER_PORT": "many"]) }
  }

  @Test(arguments: [
    #"{"api-keys": ["keys.txt"]}"#, #"{"api-keys": 5}"#, #"{"api-keys": null}"#, #"{"max-body": 1.5}"#,
    #"{"max-body": [5]}"#, #"{"max-inputs": true}"#, #"{"host": ["a"]}"#, #"{"auto-truncate": 5}"#,
    #"{"adapter-root": "/tmp"}"#, #"{"log-level": 3}"#, #"{"adapter": {"a": "b"}}"#, #"{"port": "many"}"#,
  ])
  func aSettingOfAnotherTypeIsRefused(_ text: String) async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, as: "settings.json")
    await #expect(throws: ValidationError.self) { _ = try await settings(["--config", file]) }
    // Negative control.
    let right = try folder.write(#"{"max-body": 5, "port": "7", "auto-truncate": "false"}"#, as: "right.json")
    let read = try await settings(["--config", right])
    #expect(read.maximumBody == 5 && read.port == 7 && !read.truncates)
  }

  @Test func aVariableThatNamesNoSettingIsRefused() async throws {
    for name in ["ADAPTER_SERVER_API_KEY", "ADAPTER_SERVER_PORTS", "ADAPTER_SERVER_"] {
      await #expect(throws: ValidationError.self, "\(name)") { _ = try await settings([], [name: "1"]) }
    }
    // What Kubernetes sets for a service of this name is none of ours.
    #expect(try await settings([], ["ADAPTER_SERVER_SERVICE_HOST": "10.0.0.1", "HOME": "/"]).port == 8080)
  }

  @Test func aFileOfKeysWithAFaultIsRefused() throws {
    let folder = try TemporaryFolder()
    for text in ["", "# nothing\n", "key name many\n", "key name 5 more\n"] {
      let file = try folder.write(text, as: "keys")
      #expect(throws: KeyFileError.self) { _ = try Keys(file: file) }
    }
    let keys = try Keys(file: folder.write("a one 600 # comment\n\nb\n", as: "keys"))
    #expect(keys.account("a")?.name == "one" && keys.account("a")?.quota == 600)
    #expect(keys.account("b")?.name == "key-2" && keys.account("c") == nil && keys.account("") == nil)
  }

  @Test func aQuotaFillsAgainWithTime() throws {
    let account = Keys.Account(name: "x", quota: 60)
    let start = ContinuousClock.now
    #expect(account.wait(at: start) == nil)
    #expect(account.charge(90, at: start) == nil)
    // What is sent meanwhile finds the tokens used up; what fails gives them back.
    #expect(account.charge(1, at: start) ?? 0 >= 29)
    #expect(account.charge(-90, at: start) == nil && account.charge(90, at: start) == nil)
    #expect(account.wait(at: start) ?? 0 >= 29)
    #expect(account.wait(at: start + .seconds(40)) == nil)
  }
}
