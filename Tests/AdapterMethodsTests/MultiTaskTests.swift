import AdapterHost
import AdapterMethods
import TestSupport
import Testing

@Suite struct MultiTaskTests {
  private let ids = TinyModel.ids([7, 3, 12, 5])

  private func model() throws -> DebertaV2AdapterModel {
    var model = try TinyModel.load()
    for (index, (name, preset)) in [("a", "seq_bn"), ("b", "lora[r=3]"), ("c", "ia3"), ("s", "seq_bn")].enumerated() {
      try model.addRandom(preset, named: name, seed: UInt64(index + 1))
    }
    return model
  }

  @Test func theTextIsReadAndWritten() throws {
    let text = "Stack(s, MultiTask(a, Stack(b, c)))"
    let composition = try Composition(text)
    #expect(composition.description == text)
    #expect(composition.needsTasks)
    #expect(try !Composition("Stack(a, b)").needsTasks)
    #expect(throws: CompositionError.nesting(outer: "MultiTask", inner: "Parallel")) {
      try Composition("MultiTask(Parallel(a, b), c)")
    }
    #expect(throws: CompositionError.nesting(outer: "Parallel", inner: "MultiTask")) {
      try Composition("Parallel(MultiTask(a, b), c)")
    }
  }

  @Test func eachRowIsAsItWouldBeAloneWithTheChildOfItsTask() throws {
    let model = try model()
    let setup = try Composition("Stack(s, MultiTask(a, b, c))")
    // The task 1 has no row.
    let tasks: [TaskID] = [2, "a", .name("c"), .number(0)]
    let rows = try setup.rows(tasks: tasks)
    let mixed = try model(ids, setup: .rows(rows))
    for (row, child) in ["c", "a", "c", "a"].enumerated() {
      let alone = try model([ids[row]], setup: .composition(Composition("Stack(s, \(child))")))
      let other = try model([ids[row]], setup: .composition(Composition("Stack(s, b)")))
      expectFarOff(mixed.values(row: row), other.values(row: 0))
      expectClose(mixed.values(row: row), alone.values(row: 0), .model)
    }
  }

  @Test func aChildOfSeveralAdaptersIsNamedByItsTextOrItsLastOne() throws {
    let setup = try Composition("MultiTask(Stack(a, b), c)")
    #expect(
      try setup.rows(tasks: ["Stack(a, b)", "b", "c"]).map(\.description) == ["Stack(a, b)", "Stack(a, b)", "c"])
  }

  @Test func whatIsNoTaskIsRefused() throws {
    let model = try model()
    let setup = try Composition("MultiTask(a, b)")
    #expect(throws: CompositionError.noTasks) { try model(ids, setup: .composition(setup)) }
    #expect(throws: CompositionError.noTasks) { try setup.branches() }
    #expect(throws: CompositionError.unknownTask("2", row: 1, children: ["a", "b"])) { try setup.rows(tasks: [0, 2]) }
    #expect(throws: CompositionError.unknownTask("-1", row: 0, children: ["a", "b"])) { try setup.rows(tasks: [-1]) }
    #expect(throws: CompositionError.unknownTask("'c'", row: 0, children: ["a", "b"])) { try setup.rows(tasks: ["c"]) }
    #expect(throws: CompositionError.noMultiTask) { try Composition("Stack(a, b)").rows(tasks: [0]) }
  }

  @Test func theInputsOfForwardNameTheTasks() throws {
    let folder = try TemporaryFolder()
    let model = try model()
    func run(_ tasks: String, _ setup: String = "MultiTask(a, b)") throws {
      let inputs = try folder.write(#"{"input_ids": [[1, 2, 3], [4, 5, 6]]\#(tasks)}"#, as: "inputs.json")
      try ForwardRequest(inputs: inputs, setup: Composition(setup), heads: nil, recording: [])
        .run(model, output: folder.path("output.safetensors"))
    }
    try run(#", "task_ids": ["b", 0]"#)
    #expect(throws: CompositionError.noTasks) { try run("") }
    #expect(throws: CompositionError.taskCount(tasks: 1, rows: 2)) { try run(#", "task_ids": [0]"#) }
    #expect(throws: CompositionError.noMultiTask) { try run(#", "task_ids": [0, 0]"#, "a") }
    #expect(refusal { try run(#", "task_ids": [0, 0.5]"#) }?.contains("'task_ids' must be numbers or names") == true)
  }
}
