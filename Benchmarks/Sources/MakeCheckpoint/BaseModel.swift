internal import AdapterHost

/// The shape of microsoft/deberta-v3-base, and random tensors for it.
enum BaseModel {
  private static let hidden = 768
  private static let inner = 3072
  private static let layers = 12
  private static let vocabulary = 128_100
  private static let positionRows = 512

  /// What `config.json` holds; the same values as `config()` of peers.py.
  static let configuration = JSONValue.object([
    "architectures": .array([.string("DebertaV2Model")]), "model_type": .string("deberta-v2"),
    "dtype": .string("float32"), "vocab_size": .integer(vocabulary), "hidden_size": .integer(hidden),
    "num_hidden_layers": .integer(layers), "num_attention_heads": .integer(12), "intermediate_size": .integer(inner),
    "hidden_act": .string("gelu"), "hidden_dropout_prob": .number(0.1), "attention_probs_dropout_prob": .number(0.1),
    "initializer_range": .number(0.02), "layer_norm_eps": .number(1e-7), "max_position_embeddings": .integer(512),
    "max_relative_positions": .integer(-1), "position_buckets": .integer(256), "norm_rel_ebd": .string("layer_norm"),
    "pos_att_type": .array([.string("p2c"), .string("c2p")]), "position_biased_input": .bool(false),
    "relative_attention": .bool(true), "share_att_key": .bool(true), "type_vocab_size": .integer(0),
    "pad_token_id": .integer(0), "pooler_dropout": .integer(0), "pooler_hidden_act": .string("gelu"),
    "pooler_hidden_size": .integer(hidden),
  ])

  /// Every tensor, as `DebertaV2Model.save_pretrained` names it: N(0, 0.02²), gains of norms around 1.
  static func tensors(_ random: inout RandomNumbers) -> [OutgoingTensor] {
    var tensors: [OutgoingTensor] = []
    func add(_ name: String, _ shape: [Int], around mean: Float = 0) {
      let values = (0..<shape.reduce(1, *)).map { _ in mean + 0.02 * random.normal() }
      tensors.append(OutgoingTensor(name: name, shape: shape, values: values))
    }
    func addLinear(_ name: String, _ outputs: Int, _ inputs: Int) {
      add(name + ".weight", [outputs, inputs])
      add(name + ".bias", [outputs])
    }
    func addNorm(_ name: String) {
      add(name + ".weight", [hidden], around: 1)
      add(name + ".bias", [hidden])
    }
    add("embeddings.word_embeddings.weight", [vocabulary, hidden])
    addNorm("embeddings.LayerNorm")
    add("encoder.rel_embeddings.weight", [positionRows, hidden])
    addNorm("encoder.LayerNorm")
    for layer in 0..<layers {
      let place = "encoder.layer.\(layer)"
      for projection in ["query_proj", "key_proj", "value_proj"] {
        addLinear("\(place).attention.self.\(projection)", hidden, hidden)
      }
      addLinear("\(place).attention.output.dense", hidden, hidden)
      addNorm("\(place).attention.output.LayerNorm")
      addLinear("\(place).intermediate.dense", inner, hidden)
      addLinear("\(place).output.dense", hidden, inner)
      addNorm("\(place).output.LayerNorm")
    }
    return tensors
  }
}
