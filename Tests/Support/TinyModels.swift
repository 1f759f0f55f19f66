public import AdapterHost
public import AdapterMethods
public import Checkpoints
public import Deberta
internal import Foundation
public import Tensors

/// The tiny encoders of the fixtures, with random weights.
public enum TinyModel {
  /// What all tests compute with, unless they say otherwise.
  public static let compute = Compute()

  /// A fresh model of a base of the fixtures.
  public static func load(
    _ base: String = "v3", _ compute: Compute = compute, catalog: MethodCatalog = .standard
  ) throws -> DebertaV2AdapterModel {
    try DebertaV2AdapterModel(folder: Fixtures.base(base), compute: compute, catalog: catalog)
  }

  /// The shape of a base.
  public static func shape(_ base: String = "v3") throws -> DebertaV2Configuration {
    let file = Fixtures.base(base) + "/config.json"
    return try DebertaV2Configuration(json: Data(contentsOf: URL(filePath: file)), file: file)
  }

  /// The vocabulary of every base.
  public static let vocabulary = 97

  /// Token ids of sequences of some lengths.
  public static func ids(_ lengths: [Int], seed: UInt64 = 1) -> [[Int32]] {
    var random = RandomNumbers(seed: seed)
    return lengths.map { length in (0..<length).map { _ in Int32.random(in: 1..<Int32(vocabulary), using: &random) } }
  }
}

extension ModelOutput {
  /// The last hidden states of one row.
  public func values(row: Int) -> [Float] { hiddenStates(row: row).array }

  /// The last hidden states of all rows, one after the other.
  public var values: [Float] { (0..<rowCount).flatMap { values(row: $0) } }
}

extension Adapter {
  /// An adapter of a preset such as `lora[r=3]` whose values are all random and of some weight, biases and norms too.
  public static func random(
    _ preset: String, for shape: DebertaV2Configuration, seed: UInt64, catalog: MethodCatalog = .standard
  ) throws -> Adapter {
    try random(catalog.method(preset: preset), for: shape, seed: seed)
  }

  /// An adapter of a method whose values are all random and of some weight.
  public static func random(
    _ method: any AdapterMethod, for shape: DebertaV2Configuration, seed: UInt64
  ) throws -> Adapter {
    var random = RandomNumbers(seed: seed)
    let specs = try method.parameters(for: shape)
    var tensors: [String: Tensor] = [:]
    for spec in specs {
      let columns = spec.shape.last ?? 1
      // Gains and scales are around 1, everything else around 0.
      let mean: Float = spec.initializer == .constant(1) ? 1 : 0
      var values = (0..<spec.count).map { _ in mean + 0.25 * random.normal() }
      if case .orthogonal = spec.initializer { values = orthonormalRows(values, columns) }
      // Reflections: the diagonal holds signs, cut to whole numbers; -1 half way between two steps.
      if spec.initializer == .diagonal(-1) {
        for row in 0..<spec.count / columns { values[row * columns + row] = -1.5 }
      }
      tensors[spec.id] = Tensor(values, rows: spec.count / columns, columns: columns)
    }
    return Adapter(method: method, parameters: AdapterParameters(specs, tensors))
  }

  /// A square matrix whose rows are made orthonormal, one after the other (Gram-Schmidt).
  private static func orthonormalRows(_ values: [Float], _ size: Int) -> [Float] {
    var rows: [[Double]] = []
    for first in stride(from: 0, to: values.count, by: size) {
      var row = values[first..<first + size].map { Double($0) }
      // Twice, because the first time leaves some rounding.
      for other in rows + rows {
        let part = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
        row = zip(row, other).map { $0 - part * $1 }
      }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      rows.append(row.map { $0 / length })
    }
    return rows.flatMap { $0.map { Float($0) } }
  }

  /// The values of every tensor, by its name.
  public var values: [String: [Float]] {
    Dictionary(uniqueKeysWithValues: parameters.specs.map { ($0.id, parameters[$0].array) })
  }

  /// Writes the adapter as a folder of the reference, and returns its path.
  @discardableResult
  public func save(_ name: String, for shape: DebertaV2Configuration, in folder: TemporaryFolder) throws -> String {
    let path = try folder.folder(name)
    try SavedAdapter.write(self, named: name, modelName: "tiny", for: shape, to: path)
    return path
  }
}

extension DebertaV2AdapterModel {
  /// Adds an adapter by way of a folder.
  public mutating func add(_ adapter: Adapter, named name: String) throws {
    let folder = try TemporaryFolder()
    try loadAdapter(adapter.save(name, for: configuration, in: folder))
  }

  /// Adds an adapter with random values.
  public mutating func addRandom(_ preset: String, named name: String, seed: UInt64) throws {
    try add(.random(preset, for: configuration, seed: seed, catalog: catalog), named: name)
  }
}

extension TensorFile {
  /// The file's tensors as they would be written.
  public var outgoing: [OutgoingTensor] {
    get throws { try tensors.map { try OutgoingTensor(name: $0.name, shape: $0.shape, values: $0.floats()) } }
  }
}

/// What an error says, or nil where nothing is thrown.
public func refusal(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}
