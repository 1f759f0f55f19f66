internal import ArgumentParser

/// A value of the form NAME=DIR.
struct NamedFolder: ExpressibleByArgument {
  let name: String
  var folder: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    name = String(argument[..<sign])
    folder = String(argument[argument.index(after: sign)...])
    guard !folder.isEmpty else { return nil }
  }
}

/// Comma-separated names.
struct NameList: ExpressibleByArgument {
  let names: [String]

  init?(argument: String) {
    names = argument.split(separator: ",").map { name in
      String(name.trimmingPrefix(while: \.isWhitespace).reversed().trimmingPrefix(while: \.isWhitespace).reversed())
    }
    guard !names.isEmpty, !names.contains("") else { return nil }
  }
}

/// Comma-separated layers.
struct LayerList: ExpressibleByArgument {
  let layers: Set<Int>

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Int($0.filter { $0 != " " }) }
    guard numbers.count == parts.count, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
    layers = Set(numbers)
  }
}

/// A value of the form NAME=LAYERS.
struct NamedLayers: ExpressibleByArgument {
  let name: String
  let layers: Set<Int>

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex,
      let list = LayerList(argument: String(argument[argument.index(after: sign)...]))
    else { return nil }
    name = String(argument[..<sign])
    layers = list.layers
  }
}

/// Comma-separated numbers.
struct WeightList: ExpressibleByArgument {
  let values: [Float]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    values = parts.compactMap { Float($0.filter { $0 != " " }) }
    guard values.count == parts.count, values.allSatisfy(\.isFinite) else { return nil }
  }
}
