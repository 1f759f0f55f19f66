internal import Foundation

extension String {
  /// The path relative to the current folder, if it is inside.
  var belowCurrentFolder: String {
    let folder = FileManager.default.currentDirectoryPath + "/"
    return hasPrefix(folder) && count > folder.count ? String(dropFirst(folder.count)) : self
  }
}

/// Text for a terminal: control characters are escaped, and columns are counted.
extension StringProtocol {
  /// The text on one line: white space collapsed, control and other format characters as `\u{..}`.
  var onOneLine: String {
    var text = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .lineSeparator, .paragraphSeparator:
        text += scalar.properties.isWhitespace ? " " : scalar.escaped(asASCII: true)
      case .format where scalar != "\u{200D}": text += scalar.escaped(asASCII: true)
      case .unassigned where Style(rawValue: scalar.value) != nil: text += scalar.escaped(asASCII: true)
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// The display width of the text.
  var columns: Int { reduce(0) { $0 + $1.columns } }

  /// The text, truncated with '…' if it is wider.
  func cut(to width: Int) -> String {
    // Most texts are truncated far from their end.
    var text = ""
    var used = 0
    for character in self {
      used += character.columns
      if used > width {
        while !text.isEmpty, text.columns > width - 1 { text.removeLast() }
        return width > 0 ? text + "…" : ""
      }
      text.append(character)
    }
    return text
  }

  /// The text padded with spaces to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: Swift.max(0, width - columns)) }
}

extension Character {
  /// East Asian wide characters and emoji have width two, combining marks alone zero.
  fileprivate var columns: Int {
    guard let scalar = unicodeScalars.first else { return 0 }
    if scalar.isASCII { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    if scalar.properties.isEmojiPresentation || unicodeScalars.contains("\u{FE0F}") { return 2 }
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      return 2
    default: return 1
    }
  }
}

/// Wraps items in lines of a width; an item that is wider is truncated.
func wrapped(_ items: [String], separator: String, width: Int) -> [String] {
  var lines: [String] = []
  var line = ""
  for item in items {
    let item = item.cut(to: width)
    if line.isEmpty {
      line = item
    } else if line.columns + separator.columns + item.columns <= width {
      line += separator + item
    } else {
      lines.append(line)
      line = item
    }
  }
  return line.isEmpty ? lines : lines + [line]
}
