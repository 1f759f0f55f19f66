import Glibc
import Testing

@testable import Tensors

@Suite struct ProcessLimitTests {
  @Test(arguments: [
    ("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1), ("100000 100000", 1), ("max 100000", nil),
    ("-1 100000", nil), ("0 100000", nil), ("100000", nil), ("", nil), ("100000 0", nil),
  ])
  func `A quota of time is rounded up to processors`(_ quota: String, _ processors: Int?) {
    #expect(ControlGroup.processors(quota: quota) == processors)
  }

  @Test func `There are processors to use, and no more than the machine has`() {
    #expect((1...max(1, Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))).contains(Processors.available))
  }

  @Test func `What cannot fit is an error before anything is computed, and what can fit is none`() throws {
    let compute = Compute(threads: 1)
    try compute.requireMemory(floats: 1e6, for: "a test")
    try compute.requireMemory(floats: 64e6, for: "a test")
    for floats in [1e15, 1e19, .infinity] {
      #expect(throws: MemoryError.self) { try compute.requireMemory(floats: floats, for: "a test") }
    }
    #expect(
      MemoryError(needed: 3 << 30, limit: 1 << 30, purpose: "a batch of 77 tokens").description
        == "There is no memory for a batch of 77 tokens: it needs at least 3072 MB, and this container may hold 1024 MB."
    )
  }
}
