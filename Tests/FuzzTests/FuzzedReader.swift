import AdapterHost
import Deberta
import Foundation
import Heads
import Tensors
import TestSupport
import Testing
import Tokenization
import Training

@testable import AdapterMethods
@testable import Checkpoints

/// A reader of input from elsewhere, with sound inputs and what reads them.
struct FuzzedReader: Sendable, CustomTestStringConvertible {
  let name: String
  /// What the file is called that it reads.
  let file: String
  /// How much more an input costs than one of the cheapest readers.
  let cost: Int
  /// Other files of the folder.
  let companions: [String: Data]
  let seeds: [[UInt8]]
  let tokens: [String]
  /// Reads the file in a folder as far as a user's command would.
  let read: @Sendable (_ folder: String, _ file: String) throws -> Void

  var testDescription: String { name }

  init(
    _ name: String, file: String, cost: Int = 1, companions: [String: Data] = [:], seeds: [[UInt8]],
    tokens: [String] = [], read: @escaping @Sendable (_ folder: String, _ file: String) throws -> Void
  ) {
    (self.name, self.file, self.cost, self.companions) = (name, file, cost, companions)
    (self.seeds, self.tokens, self.read) = (seeds, tokens, read)
  }

  static let all: [FuzzedReader] = tensors + configurations + tokenizers + texts
}

// MARK: - Tensors

extension FuzzedReader {
  private static let tensors: [FuzzedReader] = {
    let tensors = [
      OutgoingTensor(name: "encoder.layer.0.a.weight", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]),
      OutgoingTensor(name: "b", shape: [2], values: [0.5, -1]), OutgoingTensor(name: "c", shape: [], values: [7]),
    ]
    let pickleTokens = ["h\u{0}", "R", "t", "(", "}", "]", "a", "u", "s", "q\u{1}", "cos\nsystem\n", "Q", "0", "."]
    return [
      FuzzedReader(
        "safetensors", file: "model.safetensors",
        seeds: written { try Safetensors.write(tensors, metadata: ["format": "pt"], to: $0) } + [
          [UInt8](repeating: 0, count: 9)
        ],
        tokens: jsonTokens + ["\"dtype\":\"BF16\"", "\"shape\":[", "\"data_offsets\":[0,8]"], read: readTensors),
      FuzzedReader(
        "PyTorch archive", file: "pytorch_model.bin", seeds: written { try TorchArchive.write(tensors, to: $0) },
        tokens: pickleTokens + ["PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}"], read: readTensors),
      FuzzedReader(
        "PyTorch pickles", file: "pytorch_model.bin", cost: 10,
        seeds: [bytes(ofFixture: "parity/bases/v3-legacy-bin/pytorch_model.bin")], tokens: pickleTokens,
        read: readTensors),
    ]
  }()

  /// Every element of every tensor.
  private static let readTensors: @Sendable (String, String) throws -> Void = { folder, file in
    for tensor in try TensorFile(path: "\(folder)/\(file)").tensors where tensor.elementType != .bool {
      _ = try tensor.floats()
    }
  }

  private static func written(_ write: (String) throws -> Void) -> [[UInt8]] {
    guard let folder = try? TemporaryFolder(), (try? write(folder.path("seed"))) != nil,
      let data = try? Data(contentsOf: URL(filePath: folder.path("seed")))
    else { return [] }
    return [[UInt8](data)]
  }
}

// MARK: - Configurations

extension FuzzedReader {
  private static let jsonTokens = [
    "{", "}", "[", "]", ",", ":", "\"", "\\u0000", "\\ud800", "null", "true", "NaN", "-Infinity", "1e999", "-1",
    "9223372036854775807", "9223372036854775808", "{\"a\":", "[[", "\"\"",
  ]

  private static let configurations: [FuzzedReader] =
    [
      FuzzedReader(
        "JSON", file: "value.json",
        seeds: [
          Array(#"{"a": [1, 2.5, -3e2, null, true], "b": {"c": "text \u00e9 \ud83d\ude00"}, "d": NaN}"#.utf8)
        ], tokens: jsonTokens
      ) { folder, file in
        let value = try JSONValue(path: "\(folder)/\(file)")
        // What was read is written and read again.
        _ = try JSONValue(Data(value.line.utf8), file: file)
      },
      FuzzedReader(
        "config.json", file: "config.json", seeds: [bytes(ofFixture: "parity/bases/v3-bin/config.json")],
        tokens: jsonTokens + ["\"pos_att_type\":", "\"hidden_size\":", "\"conv_kernel_size\":3,", "\"c2p|p2c\""]
      ) { folder, file in
        let path = "\(folder)/\(file)"
        _ = try DebertaV2Configuration(json: AtomicFile.read(path), file: path)
      },
      FuzzedReader(
        "adapter_config.json", file: "adapter_config.json", cost: 5,
        companions: companions(of: "truecase", without: "adapter_config.json"),
        seeds: [bytes(ofShipped: "Adapters/truecase/adapter_config.json")] + peftSeeds,
        tokens: jsonTokens + methodTokens
      ) { folder, _ in
        _ = try Inspection(folder)
        _ = try SavedAdapter.read(folder, for: shippedShape.get())
      },
      FuzzedReader(
        "head_config.json", file: "head_config.json", cost: 5,
        companions: companions(of: "truecase", without: "head_config.json"),
        seeds: [bytes(ofShipped: "Adapters/truecase/head_config.json")],
        tokens: jsonTokens + ["\"num_labels\":", "\"layers\":", "\"label2id\":{", "\"head_type\":\"tagging\","]
      ) { folder, _ in
        _ = try Inspection(folder)
        let shape = try shippedShape.get()
        _ = try SavedHead.read(
          folder, hiddenSize: shape.hiddenSize, layerNormEps: shape.layerNormEps, Compute(threads: 1))
      },
      FuzzedReader(
        "settings", file: "settings.json",
        seeds: [Array(#"{"epochs": 2, "learning_rate": 0.001, "optimizer": "adamw", "evaluate_every": "epoch"}"#.utf8)],
        tokens: jsonTokens + ["\"steps\":", "\"batch_tokens\":", "\"schedule\":\"cosine\","]
      ) { folder, file in _ = try TrainingSettings(path: "\(folder)/\(file)") },
      FuzzedReader(
        "compositions", file: "setup.txt",
        seeds: [
          "Stack(a, Fuse(b, c))", "Split(a, b, splits=[8, 13])", "BatchSplit(a, b, batch_sizes=[2, 3])",
          "Average(a, b, weights=[0.3, 0.7])", "Parallel(a, Stack(b, c))",
        ].map { Array($0.utf8) }, tokens: ["Stack(", "Parallel(", ")", ",", "[", "]", "=", "splits=[", "1e308", "-9"]
      ) { folder, file in
        let composition = try Composition(String(decoding: AtomicFile.read("\(folder)/\(file)"), as: UTF8.self))
        // What a composition is written as reads the same.
        guard try Composition(composition.description) == composition else { throw Disagreement() }
      },
    ]

  private static let methodTokens = [
    "\"r\":", "\"reduction_factor\":", "\"architecture\":\"lora\",", "\"prefix_length\":", "\"phm_dim\":",
    "\"configs\":[",
  ]

  private static let peftSeeds = [
    Array(#"{"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["query_proj"], "bias": "none"}"#.utf8)
  ]

  private static func companions(of adapter: String, without name: String) -> [String: Data] {
    let folder = Fixtures.root.appending(path: "Adapters/\(adapter)")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0 != name }.reduce(into: [:]) { files, name in
      files[name] = try? Data(contentsOf: folder.appending(path: name))
    }
  }
}

/// A value reads otherwise than it was written.
struct Disagreement: Error, CustomStringConvertible {
  var description: String { "What was written does not read as the same." }
}

// MARK: - Tokenizers

extension FuzzedReader {
  private static let tokenizers: [FuzzedReader] = {
    let model = smallModel()
    let settings = [
      Array(
        #"{"cls_token": "[CLS]", "added_tokens_decoder": {"5": {"content": "[X]", "lstrip": true, "special": true}}}"#
          .utf8)
    ]
    return [
      FuzzedReader("spm.model", file: "spm.model", cost: 10, seeds: [model], read: tokenize),
      FuzzedReader(
        "tokenizer_config.json", file: "tokenizer_config.json", cost: 10, companions: ["spm.model": Data(model)],
        seeds: settings, tokens: jsonTokens + ["\"single_word\":true,", "\"content\":\"\","], read: tokenize),
      FuzzedReader(
        "tokenizer.json", file: "tokenizer.json", cost: 10,
        seeds: [Array(serializedTokenizer.utf8)],
        tokens: jsonTokens + [
          "\"id\":-1,", "\"rstrip\":true,", "{\"type\":\"Replace\",", "\"type\":\"NFKC\"", "[\"a\", 0],",
        ],
        read: tokenize),
      FuzzedReader(
        "tokenizer.json beside spm.model", file: "tokenizer.json", cost: 10, companions: ["spm.model": Data(model)],
        seeds: [Array(serializedTokenizer.utf8)], tokens: jsonTokens + ["\"id\":-1,"], read: tokenize),
    ]
      + byteLevelTokenizers
  }()

  private static let byteLevelTokenizers: [FuzzedReader] = {
    let (vocabulary, merges) = ("byte-level/vocab.json", "byte-level/merges.txt")
    let serialized = bytes(ofFixture: "byte-level/tokenizer.json")
    return [
      FuzzedReader(
        "vocab.json", file: "vocab.json", cost: 5, companions: ["merges.txt": Data(bytes(ofFixture: merges))],
        seeds: [bytes(ofFixture: vocabulary)], tokens: jsonTokens + ["\"\":0,", ":4000000,", ":-1,"], read: tokenize),
      FuzzedReader(
        "merges.txt", file: "merges.txt", cost: 5, companions: ["vocab.json": Data(bytes(ofFixture: vocabulary))],
        seeds: [bytes(ofFixture: merges)], tokens: [" ", "\n", "\r\n", "a a\n", "aa a\n", "Ġ t\n"], read: tokenize),
      FuzzedReader(
        "tokenizer.json of the type BPE", file: "tokenizer.json", cost: 5, seeds: [serialized],
        tokens: jsonTokens + ["\"merges\":[\"a b\"],", "\"type\":\"BPE\","], read: tokenize),
      FuzzedReader(
        "bpe_encoder.bin", file: "bpe_encoder.bin", cost: 5, seeds: [bytes(ofFixture: "byte-level/bpe_encoder.bin")],
        read: tokenize),
      FuzzedReader(
        "bpe_encoder.bin of 2020", file: "bpe_encoder.bin", cost: 5,
        seeds: [bytes(ofFixture: "byte-level/bpe_encoder.legacy.bin")], read: tokenize),
    ]
  }()

  private static let serializedTokenizer = """
    {"version": "1.0", "added_tokens": [{"id": 0, "content": "[PAD]", "special": true},
      {"id": 9, "content": "[X]", "special": true, "normalized": false, "lstrip": true}],
    "normalizer": {"type": "Sequence", "normalizers": [{"type": "Strip", "strip_left": true, "strip_right": true},
      {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
      {"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always"}]},
    "post_processor": {"type": "TemplateProcessing",
      "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}],
      "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]},
    "model": {"type": "Unigram", "unk_id": 3, "vocab": [["[PAD]", 0], ["[CLS]", 0], ["[SEP]", 0], ["[UNK]", 0],
      ["\u{2581}", -2], ["\u{2581}the", -3.5], ["c", -4], ["at", -5], ["a", -6]]}}
    """

  private static let tokenize: @Sendable (String, String) throws -> Void = { folder, _ in
    for variant in TokenizerVariant.allCases {
      let tokenizer = try AutoTokenizer.load(folder: folder, variant: variant)
      let encoding = try tokenizer.encode("The cat [X] sat\u{1F600} on, e\u{301} 日本", pair: " b", maximumLength: 20)
      if variant == .slow { _ = try tokenizer.decode(encoding.ids) }
    }
  }

  /// The shipped SentencePiece model with its first 300 pieces and without its table of normalisation.
  private static func smallModel() -> [UInt8] {
    let file = bytes(ofShipped: "Models/deberta-v3-tiny-en/spm.model")
    var model: [UInt8] = []
    var (position, pieces) = (0, 0)
    func varint() -> Int {
      var (value, shift) = (0, 0)
      while position < file.count {
        let byte = Int(file[position])
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80 { break }
      }
      return value
    }
    while position < file.count {
      let start = position
      let tag = varint()
      guard tag & 7 == 2 else { return [] }
      let length = varint()
      let field = file[start..<position + length]
      let content = file[position..<position + length]
      position += length
      switch tag >> 3 {
      case 1:
        if pieces < 300 { model += field }
        pieces += 1
      case 3: model += [0x1A, 0x08, 0x0A, 0x06] + Array("nfkcXX".utf8)
      default: if content.count < 10_000 { model += field }
      }
    }
    return model
  }
}

// MARK: - Texts and data

extension FuzzedReader {
  private static let texts: [FuzzedReader] = [
    FuzzedReader(
      "JSON Lines to answer", file: "texts.jsonl",
      seeds: [
        Array("\n{\"text\": \"a\", \"pair\": \"b\", \"choices\": [\"c\", \"d\"], \"adapter\": \"Stack(a)\"}\n".utf8),
        Array("plain text\nof lines\r\n".utf8),
      ], tokens: jsonTokens + ["\n", "\r\n", "\u{FEFF}"]
    ) { folder, file in
      let tokenizer = try shippedTokenizer.get()
      try tokenizer.tokenize(TextSource(path: "\(folder)/\(file)"), maximumLength: 16) { text, _ in _ = try text.get() }
    },
    data("CSV", "data.csv", "text,label\n\"a, \"\"b\"\"\",x\nc,y\n", [",", "\"", "\n", "\r\n", ";", "\t"]),
    data("TSV", "data.tsv", "text\tlabel\na b\tx\nc\ty\n", ["\t", "\"", "\n"]),
    data(
      "JSON Lines", "data.jsonl", "{\"text\": \"a\", \"label\": \"x\"}\n{\"text\": \"c\", \"label\": 1}\n", jsonTokens),
    data(
      "CoNLL", "data.conll", "-DOCSTART- O\n\nEU B-ORG\nrejects O\n\nPeter B-PER\n",
      ["\n", "\n\n", "\t", " ", "B-", "# "],
      for: .tagging),
  ]

  private static let shippedShape = Result {
    let path = Fixtures.root.appending(path: "Models/deberta-v3-tiny-en/config.json").path
    return try DebertaV2Configuration(json: AtomicFile.read(path), file: path)
  }

  private static let shippedTokenizer = Result {
    try DebertaV2Tokenizer(folder: Fixtures.root.appending(path: "Models/deberta-v3-tiny-en").path)
  }

  private static func data(
    _ name: String, _ file: String, _ seed: String, _ tokens: [String], for task: TrainingTask = .classification
  ) -> FuzzedReader {
    FuzzedReader(name, file: file, seeds: [Array(seed.utf8)], tokens: tokens) { folder, file in
      _ = try SourceData(path: "\(folder)/\(file)", for: task)
    }
  }

  private static func bytes(ofFixture path: String) -> [UInt8] {
    [UInt8]((try? Data(contentsOf: Fixtures.file(path))) ?? Data())
  }

  private static func bytes(ofShipped path: String) -> [UInt8] {
    [UInt8]((try? Data(contentsOf: Fixtures.root.appending(path: path))) ?? Data())
  }
}
