import AdapterHost
import AdapterMethods
import Deberta
import Heads
import Model
import Tensors
import TestSupport
import Testing

@testable import Training

/// The first tokens alone, which is what heads of sequences read.
@Suite struct FirstTokenLaws {
  private static let batch = Batch(Subject.ids)

  /// Whether a method's hooks behind the last layer's keys and values look at whole sequences.
  private static func looksAtSequences(_ preset: String) -> Bool {
    let parts = preset.split(separator: "|")
    return parts.contains { part in
      if part.contains("reft") { return true }
      return part.contains("use_gating=True") && !part.hasPrefix("prefix_tuning")
        && !part.contains("attn_matrices=['v']")
    }
  }

  private func model(_ subject: Subject, _ setup: String) throws -> TrainableModel {
    try subject.model.trainable(Composition(setup), heads: [], folder: "")
  }

  /// The first rows of a pass, their gradients, and how many rows were computed.
  private func step(
    _ model: TrainableModel, _ asked: AskedTokens
  ) throws -> (count: Int, states: [Float], gradients: [[Float]]) {
    let tape = Tape(model.compute)
    for parameter in model.parameters { tape.watch(parameter.value) }
    let pass = Pass(model.compute, tape: tape)
    let output = try model.bound(on: pass)(
      Self.batch, .composition(model.setup), heads: [], states: asked, on: pass)
    let first = pass.gather(
      output.packedStates, rows: (0..<output.rowCount).map { output.packedRows($0).lowerBound })
    tape.backward(from: Projection().loss(first, on: pass))
    return (
      output.packedStates.rows, first.array, model.parameters.map { tape.gradient(of: $0.value)?.array ?? [] }
    )
  }

  private func expectSame(
    _ model: TrainableModel, narrows: Bool, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let (all, first) = (try step(model, .all), try step(model, .first))
    let pass = Pass(model.compute)
    let rows = try model.bound(on: pass).lowered(.composition(model.setup), Self.batch, on: pass).plan.order.count
    #expect(all.count > rows, sourceLocation: sourceLocation)
    #expect(first.count == (narrows ? rows : all.count), sourceLocation: sourceLocation)
    expectClose(first.states, all.states, .exact, sourceLocation: sourceLocation)
    #expect(all.gradients.contains { !$0.isEmpty }, sourceLocation: sourceLocation)
    for (parameter, (ours, theirs)) in zip(model.parameters, zip(first.gradients, all.gradients)) {
      expectClose(
        ours.isEmpty ? theirs.map { _ in 0 } : ours, theirs, .gradient, parameter.name, sourceLocation: sourceLocation)
    }
  }

  @Test(
    arguments: MethodExample.pairs(MethodExample.all, ["v3"])
      + MethodExample.pairs(MethodExample.kinds, ["noshare", "v2conv", "deberta-v1", "deberta-v1-talking"]))
  func theFirstTokensAloneAreTheFirstOfAll(_ example: MethodExample, _ base: String) throws {
    let model = try model(Subject(example, base: base), "a")
    try expectSame(model, narrows: !Self.looksAtSequences(example.preset))
  }

  @Test(arguments: [
    ("Stack(a, b)", true), ("Average(a, b)", true), ("Parallel(a, b)", true),
    ("Split(a, b, splits=[3, 20])", false), ("BatchSplit(a, b, batch_sizes=[1, 3])", true),
  ])
  func soTheyAreUnderEveryComposition(_ setup: String, _ narrows: Bool) throws {
    let subject = try Subject(MethodExample.all[0])
    try expectSame(try model(subject, setup), narrows: narrows)
  }

  /// One row that looks at whole sequences keeps all tokens of all rows.
  @Test func aMixedBatchIsNarrowedWhereEveryRowLetsIt() throws {
    var subject = try Subject(MethodExample.all[0])
    try subject.model.deleteAdapter("b")
    try subject.model.addRandom(MethodExample.loreft.preset, named: "b", seed: 13)
    try expectSame(try model(subject, "Parallel(a, b)"), narrows: false)
  }
}

/// Tokens of a prompt have no answers.
@Suite struct PromptRowLaws {
  @Test(arguments: [
    ("lora", Array(0..<7)), ("prompt_tuning[prompt_length=3]", Array(3..<10)),
    ("prompt_tuning[prompt_length=3, combine='prefix_after_bos']", [0] + Array(4..<10)),
  ])
  func targetsAreThoseOfTheText(_ preset: String, _ own: [Int]) throws {
    var model = try TinyModel.load()
    try model.addRandom(preset, named: "a", seed: 11)
    try model.addHead("tags", HeadSettings(.tagging, labels: ["x", "y"]))
    func answered(_ tokens: AnsweredTokens) throws -> [[Int]] {
      let output = try model(
        TinyModel.ids([7, 2]), setup: .composition(.adapter("a")), heads: ["tags"], answering: tokens)
      return try #require(output.heads["tags"]).tokens
    }
    let text = try answered(.text)
    #expect(text[0] == own)
    #expect(text[1].count == 2 && text[1].last == (own.last ?? 0) - 5)
    #expect(try answered(.all)[0] == Array(0..<(own.last ?? 0) + 1))
    #expect(try answered(.places([[2, 5], []])) == [[own[2], own[5]], []])
    let target = Target.tokens([Target.notCounted, 1, Target.notCounted, 0])
    #expect(AnsweredTokens([target, .label(0)]) == .places([[1, 3], []]))
    #expect(AnsweredTokens([.label(0)]) == .text)
  }
}
