import Checkpoints
import Foundation
import Testing

@testable import Training

@Suite struct SettingsTests {
  private func read(_ json: String) throws(TrainingError) -> TrainingSettings {
    let value: JSONValue
    do throws(CheckpointError) { value = try JSONValue(Data(json.utf8), file: "run.json") } catch {
      throw .checkpoint(error)
    }
    return try TrainingSettings(value, file: "run.json")
  }

  private func message(_ json: String) -> String {
    do throws(TrainingError) {
      _ = try read(json)
      return "accepted"
    } catch {
      return error.description
    }
  }

  @Test func `An empty object has the defaults that the keys document`() throws {
    #expect(try read("{}") == TrainingSettings(.epochs(3)))
    #expect(try read("{}").optimizer == .adamW(AdamW(weightDecay: 0.01)))
  }

  @Test func `Every key is read`() throws {
    let settings = try read(
      """
      {"steps": 700, "optimizer": {"name": "adamw", "betas": [0.8, 0.99], "epsilon": 1e-6}, "weight_decay": 0.1,
       "learning_rate": 0.0015, "schedule": "cosine", "warmup_ratio": 0.06, "clip_norm": 0, "accumulate": 2,
       "evaluate_every": 50, "patience": 3, "keep_best": false, "best_by": "f1", "save_every": 0, "seed": 42, "dropout": false}
      """)
    let expected = TrainingSettings(
      .steps(700), optimizer: .adamW(AdamW(betas: (0.8, 0.99), epsilon: 1e-6, weightDecay: 0.1)),
      learningRate: 0.0015, curve: .cosine, warmUp: .ratio(0.06), clipNorm: nil, accumulation: 2,
      evaluation: .steps(50), patience: 3, keepsBest: false, bestBy: "f1", saveInterval: nil, seed: 42,
      usesDropout: false)
    #expect(settings == expected)
  }

  @Test(arguments: [
    #"{"epochs": 2, "optimizer": "sgd", "weight_decay": 0.5, "warmup_steps": 7, "evaluate_every": "end"}"#,
    #"{"steps": 2, "optimizer": {"name": "adafactor", "beta1": 0.9, "relative_step": true}, "patience": 1}"#,
    #"{"optimizer": "adamw", "schedule": "constant", "clip_norm": 0.5, "seed": 9}"#,
  ])
  func `Settings read back as they were written`(_ json: String) throws {
    let settings = try read(json)
    #expect(settings != TrainingSettings(.epochs(3)))
    #expect(try TrainingSettings(settings.object, file: "again") == settings)
    guard case .object(let members) = settings.object else { return }
    #expect(Set(members.keys).isSubset(of: TrainingSettings.keys.map(\.name)))
  }

  @Test(arguments: [
    ("learning_rate", "1e308"), ("learning_rate", "1001"), ("learning_rate", "-1"), ("weight_decay", "1e200"),
    ("clip_norm", "1e300"), ("warmup_steps", "9000000000000000000"), ("evaluate_every", "9000000000000000000"),
    ("patience", "9000000000000000000"), ("save_every", "9000000000000000000"),
  ])
  func `A setting beyond all sense is refused by its key`(_ key: String, _ value: String) {
    #expect(message("{\"\(key)\": 1}") == "accepted")
    #expect(message("{\"\(key)\": \(value)}").hasPrefix("run.json: '\(key)' is "))
  }

  @Test(arguments: [
    ("adamw", "epsilon", "1e300"), ("adafactor", "epsilon", "2"), ("adafactor", "parameter_epsilon", "-1"),
    ("adafactor", "clip_threshold", "1e308"), ("adafactor", "decay_rate", "-1e308"),
  ])
  func `A setting of an optimizer beyond all sense is refused by its key`(
    _ name: String, _ key: String, _ value: String
  ) {
    #expect(
      message("{\"optimizer\": {\"name\": \"\(name)\", \"\(key)\": \(value)}}")
        .hasPrefix("run.json: 'optimizer.\(key)' is "))
  }

  @Test func `What cannot be is refused with a sentence`() {
    #expect(
      message(#"{"learning_rat": 1}"#) == "run.json: the key 'learning_rat' is unknown. Is 'learning_rate' meant?")
    #expect(
      message(#"{"zzzzzz": 1}"#).hasPrefix(
        "run.json: the key 'zzzzzz' is unknown. Known are accumulate, best_by, clip_norm"))
    #expect(
      message(#"{"optimizer": {"name": "adamw", "momentum": 1}}"#).hasPrefix(
        "run.json: the key 'optimizer.momentum' is unknown."))
    #expect(message(#"{"optimizer": "adam"}"#) == "run.json: 'optimizer' is 'adam'; expected adamw, adafactor, sgd.")
    #expect(message(#"{"optimizer": {}}"#) == "run.json: the key 'optimizer.name' is missing, and it has no default.")
    #expect(message(#"{"epochs": 1, "steps": 1}"#).hasSuffix("expected only one of 'epochs' and 'steps'."))
    #expect(message(#"{"warmup_steps": 1, "warmup_ratio": 0.1}"#).contains("only one of"))
    #expect(message(#"{"schedule": "step"}"#) == "run.json: 'schedule' is 'step'; expected constant, linear, cosine.")
    #expect(message(#"{"evaluate_every": "never"}"#).contains("must be 'epoch', 'end' or a number of steps"))
    #expect(message("[]") == "run.json: expected an object, found a list.")
    for json in [
      #"{"steps": 0}"#, #"{"epochs": 0}"#, #"{"learning_rate": -1}"#, #"{"learning_rate": "fast"}"#,
      #"{"warmup_ratio": 1.5}"#, #"{"clip_norm": -1}"#, #"{"accumulate": 0}"#, #"{"evaluate_every": 0}"#,
      #"{"patience": 0}"#, #"{"seed": -1}"#, #"{"weight_decay": -0.1}"#, #"{"dropout": 1}"#,
      #"{"optimizer": {"name": "adamw", "betas": [0.9]}}"#, #"{"optimizer": {"name": "adamw", "betas": [0.9, 1]}}"#,
      #"{"optimizer": {"name": "sgd", "momentum": 1}}"#, #"{"optimizer": {"name": "adafactor", "decay_rate": 0.8}}"#,
      #"{"optimizer": {"name": "adafactor", "beta1": 2}}"#,
    ] {
      #expect(message(json).hasPrefix("run.json: '") && message(json).hasSuffix("."), "\(json): \(message(json))")
    }
  }

  @Test func `Keys of others may stand beside`() throws {
    let value = JSONValue.object(["steps": .integer(5), "adapter": .string("a")])
    #expect(throws: TrainingError.self) { try TrainingSettings(value, file: "run.json") }
    #expect(try TrainingSettings(value, besides: ["adapter"], file: "run.json").length == .steps(5))
  }
}
