import AdapterHost
import AdapterMethods
import TestSupport
import Testing

/// One model serves any number of tasks, each with adapters of its own.
@Suite struct ConcurrencyLaws {
  @Test func tasksWithDifferentAdaptersGiveTheBitsThatTheyGiveOneAfterTheOther() async throws {
    var loading = try TinyModel.load(catalog: MethodExample.catalog)
    for (index, example) in MethodExample.all.enumerated() {
      try loading.addRandom(example.preset, named: "m\(index)", seed: UInt64(index))
    }
    let model = loading
    let setups = MethodExample.all.indices.flatMap { index -> [Setup] in
      let own = Composition.adapter("m\(index)")
      let other = Composition.adapter("m\((index + 5) % MethodExample.all.count)")
      return [.composition(own), .composition(.parallel([own, other])), .rows([other, nil, own, other])]
    }
    let alone = try setups.map { try model(Subject.ids, setup: $0).values }
    expectFarOff(alone[3], alone[0])

    let together = try await withThrowingTaskGroup(of: (Int, [Float]).self) { group in
      for turn in 0..<3 {
        for index in setups.indices {
          let setup = setups[(index + turn) % setups.count]
          group.addTask { ((index + turn) % setups.count, try model(Subject.ids, setup: setup).values) }
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(together.count == 3 * setups.count)
    for (index, values) in together { expectClose(values, alone[index], .exact, "setup \(index)") }
  }
}
