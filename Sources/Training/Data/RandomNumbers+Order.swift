internal import Tensors

extension RandomNumbers {
  /// Separate random numbers for each epoch, and for each example in it; without an example, for the order.
  init(seed: UInt64, epoch: Int, index: Int = -1) {
    var state = Self.mixed(seed)
    for value in [epoch, index] { state = Self.mixed(state &+ UInt64(bitPattern: Int64(value))) }
    self.init(seed: state)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var numbers = RandomNumbers(seed: value)
    return numbers.next()
  }

  /// The elements in random order (Fisher-Yates).
  mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var elements = elements
    for place in elements.indices { elements.swapAt(place, place + below(elements.count - place)) }
    return elements
  }
}
