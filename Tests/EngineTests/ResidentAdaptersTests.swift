import AdapterMethods
import Heads
import Synchronization
import TestSupport
import Testing

@testable import AdapterHost

/// What is in memory, and what is counted, are the same adapters at any time.
@Suite struct ResidentAdaptersTests {
  /// Makes bottlenecks; what a test does while one is loaded is done then.
  private final class Source: AdapterSource {
    let duringLoad = Mutex<(@Sendable (String) -> Void)?>(nil)

    func digest(ofAdapter name: String) -> String { name }
    func digest(of fusion: Composition.NamedFusion) -> String { fusion.name }

    func load(_ composition: Composition, into model: inout DebertaV2AdapterModel) throws {
      for name in composition.adapters where model.adapter(name) == nil {
        duringLoad.withLock { $0 }?(name)
        try model.addRandom("seq_bn[reduction_factor=8]", named: name, seed: 1)
      }
    }
  }

  @Test func whatLeavesDuringALoadDoesNotComeBack() throws {
    let source = Source()
    let residents = ResidentAdapters(try TinyModel.load(), source, budget: 0)
    let held = Mutex(Optional(try residents.lease([Composition("a")])))
    // Negative control: what is leased stays, however little memory there may be.
    let other = try residents.lease([Composition("b")])
    #expect(residents.current.model.adapterNames == ["a", "b"] && residents.residents.count == 2)
    source.duringLoad.withLock { $0 = { _ in held.withLock { $0 = nil } } }
    let last = try residents.lease([Composition("c")])
    #expect(residents.current.model.adapterNames == ["b", "c"])
    #expect(residents.current.digests.keys.sorted() == ["b", "c"])
    withExtendedLifetime((other, last)) {}
  }

  @Test func anAdapterInUseIsNotUnloaded() throws {
    let loads = Mutex(0)
    let residents = ResidentAdapters(try TinyModel.load(), Source(), budget: 1 << 30) { _ in loads.withLock { $0 += 1 }
    }
    var lease: ResidentAdapters.Lease? = try residents.lease([Composition("a")])
    #expect(lease != nil && !residents.unload("a") && !residents.unload("b"))
    lease = nil
    #expect(residents.unload("a") && residents.current.model.adapterNames.isEmpty && residents.residents.bytes == 0)
    _ = try residents.lease([Composition("a")])
    #expect(loads.withLock { $0 } == 2 && residents.residents.count == 1)
  }
}
