public import AdapterMethods
internal import Checkpoints
internal import Deberta
public import Tensors

/// Reads padded token ids from a file, and writes a model's output tensors to another.
///
/// Inputs are `{"input_ids": [[...]], "attention_mask": [[...]],
/// "token_type_ids": [[...]], "position_ids": [[...]], "task_ids": [...]}`; three-dimensional ids are the choices of
/// multiple choice, and a three-dimensional mask for two-dimensional ids gives the tokens that each token attends to.
public struct ForwardRequest {
  private let input: JSONInput
  private let setup: Composition?
  private let heads: [String]?
  private let kinds: Trace.Kinds

  /// - Throws: `ConfigurationError` or `CheckpointError`, if the file is not a valid input.
  public init(inputs: String, setup: Composition?, heads: [String]?, recording kinds: Trace.Kinds) throws {
    input = try JSONInput(path: inputs)
    self.setup = setup
    self.heads = heads
    self.kinds = kinds
  }

  /// Runs the inputs and writes float32 tensors; padded positions are 0.
  public func run(_ model: DebertaV2AdapterModel, output path: String) throws {
    let padded = try PaddedInput(
      ids: input.ids, mask: input.mask, tokenTypes: input.tokenTypes, positionIDs: input.positionIDs,
      model.configuration)
    try requireMemory(model)
    let trace = Trace(kinds)
    let output = try model(padded.batch, setup: rowSetup(padded.batch.sequences.count), heads: heads, trace: trace)
    if input.choices == nil, let head = output.answers.first(where: { $0.output.settings.kind == .multipleChoice }) {
      throw ConfigurationError.wrongType(
        key: "input_ids",
        expected: "whole numbers in three dimensions, the tokens of every choice of every row, for the "
          + "head '\(head.name)', which chooses", found: "two dimensions", file: input.file)
    }
    let writer = PaddedWriter(padded, output, hiddenSize: model.configuration.hiddenSize)
    var tensors = [writer.states("last_hidden_state") { output.hiddenStates(row: $0) }]
    for (index, states) in trace.hiddenStates.enumerated() {
      tensors.append(writer.states("hidden_states/\(index)") { output.states(states, row: $0) })
    }
    for (layer, maps) in trace.attentions.enumerated() {
      tensors.append(writer.attentions("attentions/\(layer)", maps, heads: model.configuration.headCount))
    }
    for (place, calls) in trace.gates.sorted(by: { $0.key < $1.key }) {
      tensors.append(writer.gates("gating/\(place)", calls))
    }
    for (place, maps) in trace.fusionAttentions.sorted(by: { $0.key < $1.key }) {
      let width = maps.values.first?.columns ?? 0
      tensors.append(
        writer.states("fusion_attentions/\(place.replacing(",", with: "+"))", features: width) {
          maps[output.passRow($0)] ?? Tensor([], rows: 0, columns: width)
        })
    }
    for (name, answer) in output.answers {
      tensors += writer.logits(name, answer, choices: input.choices)
    }
    try Safetensors.write(tensors, to: path)
  }
}

extension ForwardRequest {
  /// The setup; with task ids, the composition of each row.
  private func rowSetup(_ rows: Int) throws(CompositionError) -> Setup {
    guard let tasks = input.tasks else { return .composition(setup) }
    guard let setup else { throw .noMultiTask }
    // All choices of a row share its task.
    let choices = input.choices ?? 1
    guard tasks.count * choices == rows else { throw .taskCount(tasks: tasks.count, rows: rows / max(choices, 1)) }
    return .rows(try setup.rows(tasks: tasks.flatMap { Array(repeating: $0, count: choices) }))
  }

  /// Checks that the output tensors fit into memory.
  private func requireMemory(_ model: DebertaV2AdapterModel) throws(MemoryError) {
    let shape = model.configuration
    let (rows, length) = (Double(input.ids.count), Double(input.ids.map(\.count).max() ?? 0))
    let states = rows * length * Double(shape.hiddenSize)
    var floats = states
    if kinds.contains(.hiddenStates) { floats += states * Double(shape.layerCount) }
    if kinds.contains(.attentions) {
      floats += rows * length * length * Double(shape.headCount * shape.layerCount)
    }
    try model.compute.requireMemory(floats: floats, for: "the tensors of \(Int(rows * length)) tokens")
  }
}

/// Restores padding in packed rows.
private struct PaddedWriter {
  private let padded: PaddedInput
  private let output: ModelOutput
  private let hiddenSize: Int
  /// The number of columns for the longest prompt, and in total.
  private let front, length: Int

  init(_ padded: PaddedInput, _ output: ModelOutput, hiddenSize: Int) {
    self.padded = padded
    self.output = output
    self.hiddenSize = hiddenSize
    let inputs = max(padded.columns.count, 1)
    front = (0..<output.rowCount).map { output.tokenCount(row: $0) - padded.columns[$0 % inputs].count }.max() ?? 0
    length = padded.length + front
  }

  /// The input columns of a row's tokens.
  private func inputColumns(_ row: Int) -> [Int] { padded.columns[row % max(padded.columns.count, 1)] }

  /// The output columns of a row's tokens; its prompt precedes the input columns.
  private func columns(_ row: Int) -> [Int] {
    let own = inputColumns(row)
    return Array(front - (output.tokenCount(row: row) - own.count)..<front) + own.map { front + $0 }
  }

  /// [rows, length, features]
  func states(_ name: String, rows: Int? = nil, features: Int? = nil, _ state: (Int) -> Tensor) -> OutgoingTensor {
    let (rows, features) = (rows ?? output.rowCount, features ?? hiddenSize)
    var values = [Float](repeating: 0, count: rows * length * features)
    for row in 0..<rows {
      let own = state(row)
      for (token, column) in columns(row).enumerated() where token < own.rows {
        let to = (row * length + column) * features
        for feature in 0..<features { values[to + feature] = own.pointer[token * own.stride + feature] }
      }
    }
    return OutgoingTensor(name: name, shape: [rows, length, features], values: values)
  }

  /// [rows, heads, length, memory + length]; padded on the left for shorter memories.
  func attentions(_ name: String, _ maps: [Tensor], heads: Int) -> OutgoingTensor {
    // A trace holds maps for nonempty rows, in the order of the pass.
    let rows = output.rowCount
    var position: [Int: Int] = [:]
    for passRow in (0..<rows).sorted(by: { output.passRow($0) < output.passRow($1) })
    where !columns(passRow).isEmpty { position[passRow] = position.count }
    let memories = maps.map { $0.columns - $0.rows / heads }.max() ?? 0
    let width = memories + length
    var values = [Float](repeating: 0, count: rows * heads * length * width)
    for row in 0..<rows {
      guard let index = position[row] else { continue }
      let (map, own) = (maps[index], columns(row))
      let memory = map.columns - own.count
      for head in 0..<heads {
        for (query, queryColumn) in own.enumerated() {
          let from = map.pointer + (head * own.count + query) * map.stride
          let to = ((row * heads + head) * length + queryColumn) * width
          for p in 0..<memory { values[to + memories - memory + p] = from[p] }
          for (key, keyColumn) in own.enumerated() { values[to + memories + keyColumn] = from[memory + key] }
        }
      }
    }
    return OutgoingTensor(name: name, shape: [rows, heads, length, width], values: values)
  }

  /// [sequences], or [sequences, calls] if a gate applies to several matrices of the place.
  func gates(_ name: String, _ calls: [[Float]]) -> OutgoingTensor {
    let count = calls.first?.count ?? 0
    guard calls.count > 1 else { return OutgoingTensor(name: name, shape: [count], values: calls.first ?? []) }
    return OutgoingTensor(
      name: name, shape: [count, calls.count], values: (0..<count).flatMap { row in calls.map { $0[row] } })
  }

  /// The tensors of one head.
  func logits(_ name: String, _ answer: HeadOutput, choices: Int?) -> [OutgoingTensor] {
    let outputs = answer.settings.outputs
    let rows = answer.rows.count
    switch answer.settings.kind {
    case .multipleChoice:
      // Rows without choices have no logits.
      let choices = choices ?? 0
      let shape = [choices == 0 ? 0 : rows / choices, choices]
      return [OutgoingTensor(name: "logits/\(name)", shape: shape, values: answer.logits.array)]
    case .questionAnswering:
      return ["start_logits", "end_logits"].enumerated().map { column, kind in
        let states = states("\(kind)/\(name)", rows: rows, features: 1) {
          answer.logits(row: $0).columns(column..<column + 1)
        }
        return OutgoingTensor(name: states.name, shape: Array(states.shape.dropLast()), values: states.values)
      }
    case .tagging, .maskedLM:
      return [states("logits/\(name)", rows: rows, features: outputs) { answer.logits(row: $0) }]
    case .classification, .multilabelClassification:
      return [OutgoingTensor(name: "logits/\(name)", shape: [rows, outputs], values: answer.logits.array)]
    }
  }
}

/// The inputs of a file.
private struct JSONInput {
  let file: String
  let ids: [[Int]]
  let mask: PaddedInput.Mask
  let tokenTypes: [[Int]]?
  let positionIDs: [[Int]]?
  /// For three-dimensional ids, the number of choices.
  let choices: Int?
  /// The MultiTask child for each row.
  let tasks: [TaskID]?

  init(path: String) throws(ConfigurationError) {
    let fields = try ConfigurationFields(path: path, limit: Limits.inputBytes)
    file = path
    guard let ids = try fields.nested("input_ids") else { throw .missing(key: "input_ids", file: path) }
    let mask = try fields.nested("attention_mask")
    let types = try fields.nested("token_type_ids")
    positionIDs = try fields.nested("position_ids")?.rows
    for key in ["inputs_embeds", "labels"] where fields.members[key] ?? .null != .null {
      throw fields.impossible(key, "given", "no such member: the library takes it, and this command does not")
    }
    self.ids = ids.rows
    choices = ids.choices
    tokenTypes = types?.rows
    tasks = try fields.value("task_ids", "numbers or names, one for each row") { value in
      guard case .array(let elements) = value else { return nil }
      let tasks = elements.compactMap { element -> TaskID? in
        if case .string(let name) = element { .name(name) } else { element.wholeNumber.map { .number($0) } }
      }
      return tasks.count == elements.count ? tasks : nil
    }
    if let mask, ids.choices == nil, case .cubes(let cubes) = mask {
      self.mask = .pairs(cubes)
    } else {
      self.mask = mask.map { .tokens($0.rows) } ?? .all
    }
  }
}

/// Integers in two or three dimensions.
private enum Nested {
  case rows([[Int]])
  case cubes([[[Int]]])

  var rows: [[Int]] {
    switch self {
    case .rows(let rows): rows
    case .cubes(let cubes): cubes.flatMap { $0 }
    }
  }

  var choices: Int? {
    if case .cubes(let cubes) = self { cubes.first?.count ?? 0 } else { nil }
  }
}

extension ConfigurationFields {
  fileprivate func nested(_ key: String) throws(ConfigurationError) -> Nested? {
    try value(key, "whole numbers in two or three dimensions") { value in
      if let rows = value.rows { return .rows(rows) }
      guard case .array(let elements) = value else { return nil }
      let cubes = elements.compactMap(\.rows)
      guard cubes.count == elements.count, Set(cubes.map(\.count)).count < 2 else { return nil }
      return .cubes(cubes)
    }
  }
}

extension JSONValue {
  fileprivate var rows: [[Int]]? {
    guard case .array(let elements) = self else { return nil }
    let rows = elements.compactMap { row -> [Int]? in
      guard case .array(let numbers) = row else { return nil }
      let integers = numbers.compactMap(\.wholeNumber)
      return integers.count == numbers.count ? integers : nil
    }
    return rows.count == elements.count ? rows : nil
  }
}
