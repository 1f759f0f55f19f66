import AdapterHost
import Foundation
import TestSupport

/// The base model and the adapters that the package ships.
enum Shipped {
  static let base = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path
  static let names = ["debian-section", "debian-facets", "truecase", "wordnet-domain"]
  static let compute = Compute()

  static func folder(_ adapter: String) -> String { Fixtures.root.appending(path: "Adapters/\(adapter)").path }

  static let tokenizer = Result { try DebertaV2Tokenizer(folder: base) }

  /// The base with all four adapters.
  static let model = Result {
    var model = try DebertaV2AdapterModel(folder: base, compute: compute)
    for name in names { try model.loadAdapter(folder(name)) }
    return model
  }

  static func predictor(_ setup: String?, heads: [String]? = nil) throws -> Predictor {
    var model = try model.get()
    try model.setActiveAdapters(setup.map { try Composition($0) })
    model.activeHeads = heads
    return try Predictor(model, tokenizer.get())
  }
}

/// Texts of many lengths.
let texts = [
  "A small library for reading and writing PDF files from Python programs.", "", "a", "miss woodhouse",
  "any of numerous small rodents with pointed snouts and long tails", "   ", "été — 日本語 😀 naïve",
  String(repeating: "some more words in a longer line of text ", count: 12), "C++ headers; static library",
]

/// What is thrown, as people see it.
func message(_ body: () throws -> Void) -> String? {
  do { try body() } catch { return "\(error)" }
  return nil
}
