internal import AdapterHost
internal import ArgumentParser

/// The shape of a published model, and random tensors for it.
enum BaseModel: String, ExpressibleByArgument, CaseIterable {
  /// microsoft/deberta-v3-base
  case v3
  /// microsoft/deberta-base
  case v1

  private static let hidden = 768

  /// What `config.json` holds.
  var configuration: JSONValue {
    let shared: [String: JSONValue] = [
      "dtype": .string("float32"), "hidden_size": .integer(Self.hidden), "num_hidden_layers": .integer(12),
      "num_attention_heads": .integer(12), "intermediate_size": .integer(3072), "hidden_act": .string("gelu"),
      "hidden_dropout_prob": .number(0.1), "attention_probs_dropout_prob": .number(0.1),
      "initializer_range": .number(0.02), "layer_norm_eps": .number(1e-7), "max_position_embeddings": .integer(512),
      "max_relative_positions": .integer(-1), "pos_att_type": .array([.string("p2c"), .string("c2p")]),
      "position_biased_input": .bool(false), "relative_attention": .bool(true), "type_vocab_size": .integer(0),
      "pad_token_id": .integer(0), "pooler_dropout": .integer(0), "pooler_hidden_act": .string("gelu"),
      "pooler_hidden_size": .integer(Self.hidden),
    ]
    return .object(shared.merging(own) { _, own in own })
  }

  private var own: [String: JSONValue] {
    switch self {
    case .v3:
      [
        "architectures": .array([.string("DebertaV2Model")]), "model_type": .string("deberta-v2"),
        "vocab_size": .integer(128_100), "position_buckets": .integer(256), "norm_rel_ebd": .string("layer_norm"),
        "share_att_key": .bool(true),
      ]
    case .v1:
      [
        "architectures": .array([.string("DebertaModel")]), "model_type": .string("deberta"),
        "vocab_size": .integer(50_265),
      ]
    }
  }

  /// Every tensor, as `save_pretrained` names it: N(0, 0.02²), gains of norms around 1.
  func tensors(_ shape: DebertaConfiguration, _ random: inout RandomNumbers) -> [OutgoingTensor] {
    EncoderLayout(shape).tensors.map { tensor in
      let mean: Float = tensor.name.hasSuffix("LayerNorm.weight") ? 1 : 0
      let values = (0..<tensor.shape.reduce(1, *)).map { _ in mean + 0.02 * random.normal() }
      return OutgoingTensor(name: tensor.name, shape: tensor.shape, values: values)
    }
  }
}
