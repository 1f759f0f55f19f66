import AdapterHost
import TestSupport
import Testing

/// Averages, ejected prefixes, MultiTask, MTL-LoRA, embeddings, setups and whole models of the reference. Its outputs were
/// computed in float64.
@Suite struct MemberCaseTests {
  private static let cases = (try? MemberCase.names()) ?? []

  @Test func everyCaseIsThere() { #expect(Self.cases.count == 70) }

  @Test(arguments: cases)
  func theOutputsAreThoseOfTheReference(_ name: String) throws {
    let subject = try MemberCase(name)
    try Self.expectClose(try subject.run(subject.request()), to: subject)
  }

  @Test(arguments: cases.filter { $0.contains("average") || $0.contains("eject") })
  func whatIsMadeHereActsAsWhatTheReferenceMade(_ name: String) throws {
    let subject = try MemberCase(name)
    let scratch = try TemporaryFolder()
    let made = try subject.made(in: scratch)
    #expect(made.isEmpty == name.hasPrefix("d-setup-folder"))
    try Self.expectClose(try subject.run(subject.request(replacing: made)), to: subject)
  }

  @Test(arguments: cases.filter { $0.hasPrefix("d-setup-folder") })
  func aSetupIsLoadedFromItsFolder(_ name: String) throws {
    let subject = try MemberCase(name)
    let request = try #require(try subject.setupRequest)
    try Self.expectClose(try subject.run(request), to: subject)
  }

  /// Negative control: what a case says is far more than what the comparison lets pass.
  @Test(
    arguments: cases.filter { $0.contains("leave-out") || $0.contains("skip-layers") || $0.contains("embeddings-f") })
  func withoutWhatACaseSaysTheOutputsAreOthers(_ name: String) throws {
    let subject = try MemberCase(name)
    var request = try subject.request()
    (request.leaveOut, request.skippedLayers, request.activeEmbeddings) = ([:], [], "default")
    let key = "last_hidden_state"
    let (ours, expected) = (try #require(try subject.run(request)[key]), try #require(try subject.expected[key]))
    expectFarOff(ours.real(key, try subject.mask), expected.real(key, try subject.mask))
  }

  private static func expectClose(_ outputs: [String: ParityTensor], to subject: MemberCase) throws {
    let mask = try subject.mask
    for (key, expected) in try subject.expected {
      let ours = try #require(outputs[key], "\(key) is not among \(outputs.keys.sorted())")
      #expect(ours.shape == expected.shape)
      TestSupport.expectClose(ours.real(key, mask), expected.real(key, mask), .model, key)
    }
  }
}
