import Testing

@testable import Checkpoints

@Suite struct PickleAttackTests {
  private func fault(_ write: (inout PickleBytes) -> Void) -> PickleFault? {
    refusal(of: torchArchive(pickle(write)))?.pickle
  }

  private func fault(_ bytes: [UInt8]) -> PickleFault? {
    refusal(of: torchArchive(bytes))?.pickle
  }

  @Test func aPickleOfDataIsRead() {
    #expect(fault { $0.emptyDict() } == nil)
  }

  @Test(arguments: [
    ("os", "system"), ("posix", "system"), ("builtins", "eval"), ("__builtin__", "exec"), ("subprocess", "Popen"),
    ("torch", "load"), ("torch.serialization", "load"), ("torch._utils", "_rebuild_qtensor"),
    ("collections", "Counter"),
    ("torch", "FloatStorage.__init__"), ("numpy.core.multiarray", "_reconstruct"), ("", ""),
  ])
  func aPickleThatAsksToRunSomethingIsRefusedByName(_ module: String, _ name: String) {
    let forbidden = PickleFault.forbidden(module: module, name: name)
    #expect(
      fault {
        $0.global(module, name)
        $0.text("touch /tmp/owned")
        $0.tuple()
        $0.reduce()
      } == forbidden)
    #expect(
      fault {
        $0.text(module)
        $0.text(name)
        $0.bytes.append(0x93)
      } == forbidden)
  }

  @Test func theRefusalSaysWhatWasAskedFor() throws {
    let error = try #require(refusal(of: torchArchive(pickle { $0.global("os", "system") })))
    #expect(
      error.description.hasSuffix(
        ": asks to run 'os.system'. Only tensors are read from pickles; nothing is ever run."))
  }

  @Test func allowedGlobalsCannotBeMisused() {
    // A storage type called like a function.
    #expect(
      fault {
        $0.global("torch", "FloatStorage")
        $0.emptyTuple()
        $0.reduce()
      } == .forbiddenCall(of: "the storage type of F32", at: 24))
    // A string called like a function.
    #expect(
      fault {
        $0.text("x")
        $0.emptyTuple()
        $0.reduce()
      } == .forbiddenCall(of: "a string", at: 10))
    // Attributes set on a list.
    #expect(
      fault {
        $0.emptyList()
        $0.emptyDict()
        $0.build()
      } == .forbiddenCall(of: "__setstate__ of a list", at: 5))
  }

  @Test func unknownInstructionsAreRefused() {
    let known = Set(UInt8.min...UInt8.max).filter { PickleInstruction(rawValue: $0) != nil || $0 == 0x2E }
    #expect(known.count == 42)
    for code in UInt8.min...UInt8.max where !known.contains(code) {
      #expect(fault([0x80, 2, code]) == .unknownInstruction(code, at: 2))
    }
    // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, BUILD by name and PERSID construct objects; they are among them.
    for code in [0x69, 0x6F, 0x81, 0x92, 0x82, 0x50] as [UInt8] { #expect(!known.contains(code)) }
  }

  @Test func protocolsAreLimited() {
    #expect(fault([0x80, 5, 0x7D, 0x2E]) == nil)
    #expect(fault([0x80, 6, 0x7D, 0x2E]) == .unknownProtocol(6))
    #expect(fault([0x80, 1, 0x7D, 0x2E]) == .unknownProtocol(1))
  }

  @Test func damageIsRefused() {
    #expect(fault([]) == .endsEarly(at: 0))
    #expect(fault([0x80, 2]) == .endsEarly(at: 2))
    #expect(fault([0x80, 2, 0x2E]) == .emptyStack(at: 3))
    #expect(fault { $0.tuple() } == .noMark(at: 3))
    #expect(fault { $0.reduce() } == .emptyStack(at: 3))
    #expect(fault { $0.get(7) } == .noSuchMemo(7, at: 4))
    #expect(fault { $0.put(7) } == .emptyStack(at: 4))
    #expect(
      fault {
        $0.none()
        $0.mark()
        $0.bytes.append(0x85)
      } == .emptyStack(at: 5), "a mark guards what is below it")
    #expect(
      fault {
        $0.none()
        $0.none()
        $0.append()
      } == .wrongType(expected: "a list", at: 5))
    #expect(
      fault {
        $0.emptyDict()
        $0.mark()
        $0.none()
        $0.setItems()
      } == .wrongType(expected: "the value of a key", at: 6))
    #expect(fault { $0.bytes += [0x58, 2, 0, 0, 0, 0xC3, 0x28] } == .invalidText(at: 7))
    #expect(fault { $0.bytes += [0x58, 0xFF, 0xFF, 0xFF, 0xFF] } == .endsEarly(at: 8))
    #expect(fault { $0.bytes += [0x8D] + bytes(UInt64.max) } == .endsEarly(at: 12))
    #expect(fault { $0.global(String(repeating: "x", count: 300), "y") } == .invalidText(at: 3))
  }

  @Test func deepNestingNeitherRecursesNorLeaks() {
    let deep = pickle {
      $0.none()
      $0.bytes += Array(repeating: 0x85, count: 200_000)
    }
    #expect(refusal(of: torchArchive(deep))?.torch == .notAStateDict(found: "a tuple"))
    let cyclic = pickle {
      $0.emptyDict()
      $0.put(0)
      $0.text("self")
      $0.get(0)
      $0.setItem()
    }
    #expect(refusal(of: torchArchive(cyclic))?.torch == .notAStateDict(found: "a dict without tensors"))
  }

  /// `OrderedDict(pairs)`, some number of times, of one list that the memo names again.
  private func dicts(_ calls: Int, ofPairs pairs: Int) -> [UInt8] {
    pickle {
      $0.global("collections", "OrderedDict")
      $0.put(0)
      $0.text("a")
      $0.text("b")
      $0.bytes.append(0x86)
      $0.put(1)
      $0.emptyList()
      $0.put(2)
      $0.mark()
      for _ in 0..<pairs { $0.get(1) }
      $0.appends()
      $0.bytes.append(0x85)
      $0.put(3)
      for _ in 0..<calls {
        $0.get(0)
        $0.get(3)
        $0.reduce()
        $0.bytes.append(UInt8(ascii: "0"))
      }
      $0.emptyDict()
    }
  }

  @Test func `Calls may copy as many elements as the pickle has bytes`() {
    #expect(refusal(of: torchArchive(dicts(1, ofPairs: 1_000))) == nil)
    #expect(refusal(of: torchArchive(dicts(1_000, ofPairs: 1_000)))?.quantity == .pickleCopies)
  }

  @Test func `A shape of many dimensions is refused before it is copied`() {
    func shaped(_ rank: Int) -> [UInt8] {
      let ones = Array(repeating: 1, count: rank)
      let storage = TorchStorage(key: "0", count: 1)
      return torchArchive(
        pickle { $0.dict([TorchTensor(name: "a", storage: storage, shape: ones, strides: ones)]) },
        storages: ["0": [0, 0, 0, 0]])
    }
    #expect(refusal(of: shaped(Limits.rank)) == nil)
    #expect(refusal(of: shaped(100_000))?.quantity == .rank)
  }

  /// Without a memory of what was searched this would take 10^10 steps.
  @Test func `A dict that is named many times is searched once`() {
    let many = 100_000
    let bytes = pickle {
      $0.text("k")
      $0.put(0)
      $0.emptyDict()
      $0.put(1)
      $0.mark()
      for _ in 0..<many {
        $0.get(0)
        $0.none()
      }
      $0.setItems()
      $0.emptyDict()
      $0.mark()
      for _ in 0..<many {
        $0.get(0)
        $0.get(1)
      }
      $0.setItems()
    }
    #expect(refusal(of: torchArchive(bytes))?.torch == .notAStateDict(found: "a dict without tensors"))
  }

  @Test func `Tensors may share storage a few times, not without limit`() {
    func shared(_ names: Int) -> [UInt8] {
      let count = 1 << 18
      let storage = TorchStorage(key: "0", count: count)
      let tensors = (0..<names).map {
        TorchTensor(name: "\($0)", storage: storage, shape: [count], strides: [1])
      }
      return torchArchive(pickle { $0.dict(tensors) }, storages: ["0": Array(repeating: 0, count: 4 * count)])
    }
    #expect(refusal(of: shared(8)) == nil)
    #expect(refusal(of: shared(2_000))?.quantity == .viewedBytes)
  }

  @Test func theStackIsBounded() {
    let tall = [0x80, 2] + Array(repeating: UInt8(ascii: "N"), count: Limits.pickleStack + 1)
    #expect(refusal(of: torchArchive(tall))?.quantity == .pickleStack)
  }

  @Test func textsAreBounded() {
    func text(_ count: Int) -> [UInt8] { pickle { $0.text(String(repeating: "x", count: count)) } }
    #expect(refusal(of: torchArchive(text(1 << 20)))?.quantity == nil)
    #expect(refusal(of: torchArchive(text(1 << 20 + 1)))?.quantity == .pickleText)
  }
}
