internal import Checkpoints

/// A JSON object that contains a data set in its list `data`: objects, or articles as in SQuAD.
///
/// An article has `paragraphs`, each a `context` with its questions `qas`; every question becomes a record with its
/// context.
struct JSONDocument {
  let records: [[String: JSONValue]]

  /// The other members that such an object may have.
  private static let remarks: Set = ["data", "version", "name", "title", "description", "license", "count", "length"]

  /// Nil for an object that is itself a record.
  init?(_ members: [String: JSONValue]) {
    guard Self.remarks.isSuperset(of: members.keys), let elements = members["data"]?.objects, !elements.isEmpty else {
      return nil
    }
    records = elements.flatMap { element in element["paragraphs"]?.objects.map(Self.questions) ?? [element] }
  }

  private static func questions(_ paragraphs: [[String: JSONValue]]) -> [[String: JSONValue]] {
    paragraphs.flatMap { paragraph in
      (paragraph["qas"]?.objects ?? []).map { question in
        question.merging(paragraph.filter { $0.key == "context" }) { own, _ in own }
      }
    }
  }
}

extension JSONValue {
  /// The elements of a list of objects; nil for anything else.
  fileprivate var objects: [[String: JSONValue]]? {
    guard case .array(let elements) = self else { return nil }
    let objects = elements.compactMap { if case .object(let members) = $0 { members } else { nil } }
    return objects.count == elements.count ? objects : nil
  }
}
