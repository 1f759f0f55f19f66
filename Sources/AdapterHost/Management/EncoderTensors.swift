internal import Deberta

extension DebertaV2Configuration {
  /// The tensors of an encoder of this shape, named as transformers names them below `deberta.`.
  ///
  /// They are those that `Encoder.init` reads.
  var encoderTensors: [WantedTensor] {
    let width = headCount * headSize
    var tensors = [WantedTensor("embeddings.word_embeddings.weight", [vocabularySize, embeddingSize])]
    func addLinear(_ name: String, in inputs: Int, out outputs: Int) {
      tensors += [WantedTensor(name + ".weight", [outputs, inputs]), WantedTensor(name + ".bias", [outputs])]
    }
    func addNorm(_ name: String) {
      tensors += ["weight", "bias"].map { WantedTensor("\(name).\($0)", [hiddenSize]) }
    }
    if addsAbsolutePositions {
      tensors.append(WantedTensor("embeddings.position_embeddings.weight", [maximumPositions, embeddingSize]))
    }
    if typeVocabularySize > 0 {
      tensors.append(WantedTensor("embeddings.token_type_embeddings.weight", [typeVocabularySize, embeddingSize]))
    }
    if embeddingSize != hiddenSize {
      tensors.append(WantedTensor("embeddings.embed_proj.weight", [hiddenSize, embeddingSize]))
    }
    addNorm("embeddings.LayerNorm")
    if let relativePositions {
      tensors.append(WantedTensor("encoder.rel_embeddings.weight", [relativePositions.rows, hiddenSize]))
    }
    if normalizesPositions { addNorm("encoder.LayerNorm") }
    var projections = ["query_proj", "key_proj", "value_proj"]
    if relativePositions != nil, !sharesPositionProjections {
      if positionTerms.contains(.contentToPosition) { projections.append("pos_key_proj") }
      if positionTerms.contains(.positionToContent) { projections.append("pos_query_proj") }
    }
    for layer in 0..<layerCount {
      let scope = "encoder.layer.\(layer)."
      for projection in projections { addLinear(scope + "attention.self.\(projection)", in: hiddenSize, out: width) }
      addLinear(scope + "attention.output.dense", in: width, out: hiddenSize)
      addNorm(scope + "attention.output.LayerNorm")
      addLinear(scope + "intermediate.dense", in: hiddenSize, out: intermediateSize)
      addLinear(scope + "output.dense", in: intermediateSize, out: hiddenSize)
      addNorm(scope + "output.LayerNorm")
    }
    if let convolution {
      tensors += [
        WantedTensor(
          "encoder.conv.conv.weight", [hiddenSize, hiddenSize / convolution.groups, convolution.kernelSize]),
        WantedTensor("encoder.conv.conv.bias", [hiddenSize]),
      ]
      addNorm("encoder.conv.LayerNorm")
    }
    return tensors
  }
}
