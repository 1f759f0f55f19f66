internal import AdapterHost
internal import Deberta

/// What to measure.
struct Request: Decodable {
  let scenario: String
  let shape: String
  /// How long passes are repeated.
  var seconds: Double
  /// A file of texts, one on a line.
  var texts: String?
}

/// What answers requests.
protocol Measuring {
  /// Instruction set and the like, for people.
  var version: String { get }

  func reply(to request: Request) throws -> [String: JSONValue]
}

/// Why a request cannot be answered.
enum RequestError: Error, CustomStringConvertible {
  case shape(String)
  case scenario(String)
  case missing(String)

  var description: String {
    switch self {
    case .shape(let text): "'\(text)' is no shape; expected rows x tokens, such as 8x128, or ragged-32."
    case .scenario(let name): "'\(name)' is nothing that this engine measures."
    case .missing(let what): "This scenario needs \(what)."
    }
  }
}

/// How many tokens each row of a batch has.
struct BatchShape {
  let lengths: [Int]

  /// `numpy.random.default_rng(0).integers(8, 257, 32)`, the lengths of peers.py.
  private static let ragged = [
    219, 166, 135, 75, 84, 18, 26, 12, 51, 210, 169, 235, 133, 159, 249, 189, 165, 143, 147, 240, 77, 211, 175, 8, 106,
    221, 146, 16, 198, 189, 218, 51,
  ]

  /// - Parameter text: `8x128`, eight rows of 128 tokens, or `ragged-32`.
  init(_ text: String) throws {
    if text == "ragged-32" {
      lengths = Self.ragged
      return
    }
    let sizes = text.split(separator: "x").compactMap { Int($0) }
    guard sizes.count == 2, sizes[0] > 0, sizes[1] > 0 else { throw RequestError.shape(text) }
    lengths = Array(repeating: sizes[1], count: sizes[0])
  }

  var tokenCount: Int { lengths.reduce(0, +) }

  /// A batch of random tokens; always the same ones.
  func batch(vocabulary: Int) -> Batch {
    var random = RandomNumbers(seed: 0)
    return Batch(
      lengths.map { length in
        (0..<length).map { _ in Int32.random(in: 4..<Int32(vocabulary - 100), using: &random) }
      })
  }
}
