public import Checkpoints
public import Tensors

/// The update of one parameter from its gradient: a method's settings and arithmetic.
public protocol UpdateRule: Hashable, Sendable {
  /// The name in settings and files.
  static var name: String { get }

  /// The method's state for a parameter; zeros before the first step.
  func slots(for value: Tensor) -> [StateSlot]

  /// Updates a parameter and its state by one step.
  ///
  /// Element-wise work may be split over threads; sums are added in an order that does not depend on them.
  func update(_ parameter: TrainedParameter, by update: Update, on compute: Compute)
}

/// A tensor that an optimizer keeps for a parameter.
public struct StateSlot: Hashable, Sendable {
  public let name: String
  public let rows: Int
  public let columns: Int

  public init(_ name: String, rows: Int, columns: Int) {
    self.name = name
    self.rows = rows
    self.columns = columns
  }
}

/// The inputs of one step of one parameter.
public struct Update {
  /// To be multiplied by `factor`; never modified.
  public let gradient: Tensor
  public let factor: Float
  /// One tensor per slot of the rule, to be changed in place.
  public let state: [Tensor]
  /// The number of steps of this parameter, from 1.
  public let step: Int
  public let rate: Double
}

/// Parameters with a method's state for each.
///
/// As in PyTorch, a parameter without a gradient is skipped: it does not decay, and its step count is unchanged.
///
/// ```swift
/// let optimizer = Optimizer(AdamW(weightDecay: 0.01), for: parameters)
/// optimizer.step(Gradients(parameters.map { tape.gradient(of: $0.value) }), rate: 1e-3, on: compute)
/// ```
public final class Optimizer {
  public let rule: any UpdateRule
  public let parameters: [TrainedParameter]
  private let slots: [[StateSlot]]
  private var steps: [Int]
  private var state: [[Tensor]]

  public init(_ rule: any UpdateRule, for parameters: [TrainedParameter]) {
    self.rule = rule
    self.parameters = parameters
    slots = parameters.map { rule.slots(for: $0.value) }
    steps = [Int](repeating: 0, count: parameters.count)
    state = [[Tensor]](repeating: [], count: parameters.count)
  }

  /// Updates every parameter that has a gradient, in place.
  ///
  /// - Precondition: a gradient has the rows and columns of its parameter.
  public func step(_ gradients: Gradients, rate: Double, on compute: Compute) {
    precondition(
      gradients.tensors.count == parameters.count,
      "\(gradients.tensors.count) gradients of \(parameters.count) parameters")
    for (index, parameter) in parameters.enumerated() {
      guard let gradient = gradients.tensors[index] else { continue }
      precondition(
        gradient.shape == parameter.value.shape,
        "the gradient of '\(parameter.name)' \(parameter.value.shape) is \(gradient.shape)")
      if steps[index] == 0 { state[index] = slots[index].map { Tensor.zeros(rows: $0.rows, columns: $0.columns) } }
      steps[index] += 1
      rule.update(
        parameter,
        by: Update(
          gradient: gradient, factor: gradients.factor, state: state[index], step: steps[index], rate: rate),
        on: compute)
    }
  }

  /// The complete state, apart from the parameters: `PARAMETER/SLOT`, and `PARAMETER/step` [].
  ///
  /// Parameters that have never had a gradient are not included.
  public var tensors: [OutgoingTensor] {
    parameters.indices.filter { steps[$0] > 0 }.flatMap { index in
      let name = parameters[index].name
      let count = OutgoingTensor(name: "\(name)/step", shape: [], values: [Float(steps[index])])
      return [count]
        + zip(slots[index], state[index]).map { slot, tensor in
          OutgoingTensor(name: "\(name)/\(slot.name)", shape: tensor.shape, values: tensor.array)
        }
    }
  }

  /// Restores the state returned by ``tensors``.
  ///
  /// - Throws: `missingTensor`, `wrongShape`, or `unusedTensors` for any others, without changes.
  public func restore(from saved: SavedTensors) throws(CheckpointError) {
    var saved = saved
    var steps = [Int](repeating: 0, count: parameters.count)
    var state = [[Tensor]](repeating: [], count: parameters.count)
    for (index, parameter) in parameters.enumerated() where saved.contains("\(parameter.name)/step") {
      steps[index] = Int(exactly: try saved.take("\(parameter.name)/step", shape: [])[0]) ?? 0
      for slot in slots[index] {
        let values = try saved.take("\(parameter.name)/\(slot.name)", shape: [slot.rows, slot.columns])
        state[index].append(Tensor(values, rows: slot.rows, columns: slot.columns))
      }
    }
    try saved.finish()
    self.steps = steps
    self.state = state
  }
}
