import AdapterHost
import Checkpoints
import Deberta
import Foundation
import Testing

@Suite struct ConfigurationTests {
  private func configuration(_ json: String) throws(ConfigurationError) -> DebertaV2Configuration {
    try DebertaV2Configuration(json: Data(json.utf8), file: "config.json")
  }

  /// transformers, `modeling_utils.py`, `_fix_state_dict_key_on_load`.
  @Test(arguments: [
    ("deberta.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
    ("bert.encoder.layer.0.output.LayerNorm.beta", "encoder.layer.0.output.LayerNorm.bias"),
    ("classifier.gamma", "classifier.gamma"), ("deberta.x.gamma", "x.gamma"),
  ])
  func oldNamesOfNormsAreRead(_ stored: String, _ own: String) { #expect(EncoderLayout.ownName(stored) == own) }

  /// transformers' `DebertaV2Config`, whose defaults are those of v2-xlarge.
  @Test func missingKeysHaveTheDefaultsOfTransformers() throws {
    let own = try configuration("{}")
    #expect(own.vocabularySize == 128_100)
    #expect(own.hiddenSize == 1536)
    #expect(own.layerCount == 24)
    #expect(own.headCount == 24)
    #expect(own.headSize == 64)
    #expect(own.intermediateSize == 6144)
    #expect(own.embeddingSize == 1536)
    #expect(own.activation == .gelu)
    #expect(own.layerNormEps == 1e-7)
    #expect(own.typeVocabularySize == 0)
    #expect(own.maximumPositions == 512)
    #expect(own.addsAbsolutePositions)
    #expect(own.padID == 0)
    #expect(own.relativePositions == nil)
    #expect(own.positionTerms.isEmpty)
    #expect(!own.normalizesPositions)
    #expect(!own.sharesPositionProjections)
    #expect(own.convolution == nil)
    #expect(own.advisedLength == nil)
  }

  /// Null counts as missing, as Python's `None` does.
  @Test func nullCountsAsMissing() throws {
    let own = try configuration(#"{"hidden_size": null, "pos_att_type": null, "conv_kernel_size": null}"#)
    #expect(try own == configuration("{}"))
  }

  @Test(arguments: [
    #""c2p|p2c""#, #""p2c|c2p""#, #"["c2p", "p2c"]"#, #"["p2c", "c2p"]"#, #""C2P | P2C""#, #"["C2p", "P2c"]"#,
  ])
  func positionTermsMayBeNamedInEitherSpelling(_ terms: String) throws {
    let own = try configuration("{\"pos_att_type\": \(terms)}")
    #expect(own.positionTerms == [.contentToPosition, .positionToContent])
    // 1 / sqrt(64 · 3)
    #expect(own.scoreScale == 1 / Float(192).squareRoot())
  }

  @Test func oneTermAndNoneAreTermsToo() throws {
    #expect(try configuration(#"{"pos_att_type": "c2p"}"#).positionTerms == [.contentToPosition])
    #expect(try configuration(#"{"pos_att_type": ["p2c"]}"#).positionTerms == [.positionToContent])
    for none in [#""none""#, #""""#, "[]", #"["none"]"#] {
      #expect(try configuration("{\"pos_att_type\": \(none)}").positionTerms.isEmpty)
    }
    #expect(try configuration(#"{"pos_att_type": "c2p"}"#).scoreScale == 1 / Float(128).squareRoot())
    #expect(try configuration("{}").scoreScale == 1 / Float(64).squareRoot())
  }

  @Test func relativePositionsAreBucketsOrDistances() throws {
    func positions(_ members: String) throws -> RelativePositions? {
      try configuration("{\"relative_attention\": true, \(members)}").relativePositions
    }
    #expect(
      try positions(#""position_buckets": 256, "max_position_embeddings": 512"#)
        == RelativePositions(buckets: 256, maximum: 512))
    #expect(try positions(#""position_buckets": -1"#) == RelativePositions(buckets: nil, maximum: 512))
    #expect(try positions(#""max_position_embeddings": 40"#) == RelativePositions(buckets: nil, maximum: 40))
    // 0 and less mean the number of absolute positions.
    #expect(
      try positions(#""max_relative_positions": -1, "max_position_embeddings": 40"#)
        == RelativePositions(buckets: nil, maximum: 40))
    #expect(try positions(#""max_relative_positions": 100"#) == RelativePositions(buckets: nil, maximum: 100))
    #expect(try configuration(#"{"relative_attention": false, "position_buckets": 8}"#).relativePositions == nil)
  }

  /// 1 + (2k - 1) n.
  @Test func theAdvisedLengthIsTheReceptiveField() throws {
    let base = #"{"relative_attention": true, "position_buckets": 256, "num_hidden_layers": 12}"#
    #expect(try configuration(base).advisedLength == 1 + 511 * 12)
    let small = #"{"relative_attention": true, "max_relative_positions": 40, "num_hidden_layers": 3}"#
    #expect(try configuration(small).advisedLength == 1 + 79 * 3)
  }

  @Test func switchesAreRead() throws {
    let own = try configuration(
      #"""
      {"model_type": "deberta-v2", "norm_rel_ebd": "layer_norm", "share_att_key": true, "position_biased_input": false,
       "hidden_size": 48, "num_attention_heads": 4, "attention_head_size": 20, "embedding_size": 24, "hidden_act": "silu",
       "conv_kernel_size": 3, "conv_groups": 2, "conv_act": "gelu", "type_vocab_size": 2, "layer_norm_eps": 1e-5}
      """#)
    #expect(own.normalizesPositions && own.sharesPositionProjections && !own.addsAbsolutePositions)
    #expect(own.headSize == 20 && own.embeddingSize == 24 && own.activation == .silu && own.typeVocabularySize == 2)
    #expect(own.layerNormEps == 1e-5)
    let convolution = try #require(own.convolution)
    #expect(convolution.kernelSize == 3 && convolution.groups == 2 && convolution.activation == .gelu)
    // The defaults beside a kernel size.
    let plain = try #require(try configuration(#"{"conv_kernel_size": 5}"#).convolution)
    #expect(plain.groups == 1 && plain.activation == .tanh)
  }

  /// transformers' `DebertaConfig`, whose defaults are those of base.
  @Test func missingKeysOfV1HaveTheDefaultsOfTransformers() throws {
    let own = try configuration(#"{"model_type": "deberta"}"#)
    #expect(own.family == .v1 && own.vocabularySize == 50_265 && own.hiddenSize == 768 && own.layerCount == 12)
    #expect(own.headCount == 12 && own.headSize == 64 && own.intermediateSize == 3072 && own.embeddingSize == 768)
    #expect(own.activation == .gelu && own.layerNormEps == 1e-7 && own.typeVocabularySize == 0)
    #expect(own.maximumPositions == 512 && own.addsAbsolutePositions && own.relativePositions == nil)
    #expect(own.positionTerms.isEmpty && own.scoreScale == 1 / Float(64).squareRoot() && !own.hasTalkingHeads)
  }

  /// v1 counts every entry of `pos_att_type` in the scale; v2 and v3 those that add a term.
  @Test func pToPRaisesTheScaleOfV1Alone() throws {
    func own(_ type: String, _ terms: String) throws -> DebertaV2Configuration {
      try configuration(
        "{\"model_type\": \"\(type)\", \"hidden_size\": 768, \"num_attention_heads\": 12, \"pos_att_type\": \"\(terms)\"}"
      )
    }
    #expect(try own("deberta", "c2p|p2c|p2p").scoreScale == 1 / Float(64 * 4).squareRoot())
    #expect(try own("deberta", "c2p|c2p").scoreScale == 1 / Float(64 * 3).squareRoot())
    #expect(try own("deberta-v2", "c2p|p2c|p2p").scoreScale == 1 / Float(64 * 3).squareRoot())
    #expect(try own("deberta", "p2p").positionTerms.isEmpty)
  }

  /// A setting of the other generation would be dropped in silence by transformers.
  @Test(arguments: [
    ("deberta", #""share_att_key": true"#, "share_att_key"),
    ("deberta", #""position_buckets": 256"#, "position_buckets"),
    ("deberta", #""norm_rel_ebd": "layer_norm""#, "norm_rel_ebd"),
    ("deberta", #""conv_kernel_size": 3"#, "conv_kernel_size"),
    ("deberta", #""attention_head_size": 32"#, "attention_head_size"),
    ("deberta-v2", #""talking_head": true"#, "talking_head"),
  ])
  func aSettingOfTheOtherGenerationIsRefused(_ type: String, _ member: String, _ key: String) throws {
    let error = try #require(throws: ConfigurationError.self) {
      try configuration("{\"model_type\": \"\(type)\", \(member)}")
    }
    #expect(error.description.contains("'\(key)'"), "\(error)")
    // As it is where it says nothing.
    _ = try configuration("{\"model_type\": \"\(type)\", \"\(key)\": null}")
  }

  /// What the value is, and the key that it is named by.
  @Test(arguments: [
    (#""hidden_size": "768""#, "hidden_size"), (#""hidden_size": 0"#, "hidden_size"),
    (#""hidden_size": -1"#, "hidden_size"), (#""hidden_size": 768.5"#, "hidden_size"),
    (#""vocab_size": true"#, "vocab_size"), (#""num_hidden_layers": [12]"#, "num_hidden_layers"),
    (#""num_attention_heads": 7"#, "num_attention_heads"), (#""layer_norm_eps": "small""#, "layer_norm_eps"),
    (#""relative_attention": 1"#, "relative_attention"), (#""share_att_key": "true""#, "share_att_key"),
    (#""position_biased_input": {}"#, "position_biased_input"), (#""pos_att_type": 3"#, "pos_att_type"),
    (#""pos_att_type": "c2p|p2q""#, "pos_att_type"), (#""norm_rel_ebd": 1"#, "norm_rel_ebd"),
    (#""hidden_act": "gelu_of_nobody""#, "hidden_act"), (#""hidden_act": 1"#, "hidden_act"),
    (#""model_type": "bert""#, "model_type"), (#""conv_kernel_size": 4"#, "conv_kernel_size"),
    (#""conv_kernel_size": 3, "conv_groups": 7"#, "conv_groups"),
    (#""relative_attention": true, "position_buckets": "256""#, "position_buckets"),
    (#""type_vocab_size": -2"#, "type_vocab_size"), (#""max_position_embeddings": 1e300"#, "max_position_embeddings"),
  ])
  func aValueThatCannotBeIsRefusedByItsKey(_ members: String, _ key: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try configuration("{\(members)}") }
    #expect(error.description.contains("'\(key)'") && error.description.contains("config.json"), "\(error)")
  }

  @Test(arguments: ["", "[]", "{", "3", #"{"hidden_size": 1,}"#])
  func whatIsNoObjectIsRefusedByTheFilesName(_ text: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try configuration(text) }
    #expect(error.description.contains("config.json"))
  }
}
