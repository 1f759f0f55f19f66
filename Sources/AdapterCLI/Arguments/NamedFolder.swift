internal import ArgumentParser

/// A value of the form NAME=DIR.
struct NamedFolder: ExpressibleByArgument {
  let name: String
  let folder: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    name = String(argument[..<sign])
    folder = String(argument[argument.index(after: sign)...])
    guard !folder.isEmpty else { return nil }
  }
}

/// Names between commas.
struct NameList: ExpressibleByArgument {
  let names: [String]

  init?(argument: String) {
    names = argument.split(separator: ",").map { name in
      String(name.trimmingPrefix(while: \.isWhitespace).reversed().trimmingPrefix(while: \.isWhitespace).reversed())
    }
    guard !names.isEmpty, !names.contains("") else { return nil }
  }
}
