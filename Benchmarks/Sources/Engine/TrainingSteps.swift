internal import AdapterHost

/// Trains an adapter and a classification head of three labels, step by step, on one batch of random tokens.
///
/// A step is what a step of `adapter-cli train` is: hooks and head made of the
/// parameters as they are, forward pass with the configuration's dropout, loss,
/// backward pass, AdamW.
final class TrainingSteps {
  /// What is trained in each scenario, as `peers.py` has it.
  static let configurations = [
    "train-lora": "lora", "train-seq_bn": "seq_bn", "train-top": "seq_bn[leave_out=[0,1,2,3,4,5]]",
  ]

  let request: Request
  private let objective: ModelObjective
  private let optimizer: Optimizer
  private let compute: Compute
  private let batch: [Int]
  private var count = 0
  private(set) var loss: Float = .nan

  /// - Parameters:
  ///   - request: its scenario is one of `configurations`; under `train-top` the states below the lowest adapter are cached.
  ///   - model: the base model.
  init(_ request: Request, of model: DebertaV2AdapterModel, checkpoint: String) throws {
    guard let configuration = Self.configurations[request.scenario] else {
      throw RequestError.scenario(request.scenario)
    }
    self.request = request
    compute = model.compute
    var model = model
    try model.addAdapter("trained", configuration: configuration, seed: 1)
    try model.addHead("trained", HeadSettings(.classification, labels: ["a", "b", "c"]), seed: 1)
    let trainable = try model.trainable(.adapter("trained"), heads: ["trained"], folder: checkpoint + "/base")
    let sequences = try BatchShape(request.shape).batch(vocabulary: model.configuration.vocabularySize).sequences
    let data = TrainingDataset(
      task: .classification,
      examples: sequences.enumerated().map { index, sequence in
        TrainingExample(
          sequences: [TokenSequence(ids: sequence.ids, tokenTypes: sequence.tokenTypes)], target: .label(index % 3))
      })
    let cache =
      request.scenario == "train-top"
      ? try PrefixCache(
        data, layers: trainable.unhookedLayers(), hiddenSize: model.configuration.hiddenSize, memory: .max,
        folder: checkpoint) : nil
    batch = Array(data.examples.indices)
    objective = ModelObjective(trainable, heads: ["trained"], data, settings: ObjectiveSettings(), cache: cache)
    optimizer = Optimizer(AdamW(weightDecay: 0), for: objective.parameters)
  }

  /// The number of values that are trained.
  var parameterCount: Int { objective.parameters.reduce(0) { $0 + $1.value.rows * $1.value.columns } }

  /// Takes one step.
  func take() throws {
    let parameters = objective.parameters
    let tape = Tape(compute)
    for parameter in parameters { tape.watch(parameter.value) }
    let pass = Pass(compute, tape: tape, dropout: DropoutSeed(seed: 1, step: count))
    let result = try objective.loss(batch, epoch: 0, on: pass)
    loss = result.mean.array[0]
    tape.backward(from: result.mean)
    optimizer.step(Gradients(parameters.map { tape.gradient(of: $0.value) }), rate: 1e-3, on: compute)
    count += 1
  }
}

extension HostEngine {
  /// The time of steps of training, after two that do not count, and the process's peak; the next request goes on with
  /// the same training.
  func training(_ request: Request) throws -> [String: JSONValue] {
    if steps?.request.scenario != request.scenario || steps?.request.shape != request.shape {
      steps = try TrainingSteps(request, of: model, checkpoint: checkpoint)
      for _ in 0..<2 { try steps?.take() }
    }
    guard let steps else { return [:] }
    let samples = try Samples(seconds: request.seconds, atLeast: 2) { try steps.take() }
    return samples.members().merging([
      "peak_mb": .number(ProcessMemory().peak), "loss": .number(Double(steps.loss)),
      "parameters": .integer(steps.parameterCount),
    ]) { $1 }
  }
}
