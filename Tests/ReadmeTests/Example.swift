import AdapterHost

func example(log: (String) -> Void) throws {
  // begin
  let base = "Models/deberta-v3-tiny-en"
  let tokenizer = try DebertaV2Tokenizer(folder: base)
  var model = try DebertaV2AdapterModel(folder: base)
  try model.loadAdapter("Adapters/debian-section")  // a bottleneck and its head, 16 labels
  try model.loadAdapter("Adapters/wordnet-domain")  // a parallel bottleneck and its head, 45 labels
  try model.setActiveAdapters(Composition("Parallel(debian-section, wordnet-domain)"))

  let texts = ["a library for reading PDF files", "any of numerous small rodents"]
  let output = try model(texts.map { try tokenizer.encode($0).ids })
  for (name, answer) in output.answers {
    for (row, text) in texts.enumerated() {
      let logits = answer.logits(row: row).array
      let best = logits.indices.max { logits[$0] < logits[$1] } ?? 0
      log("\(name): \(text) → \(answer.settings.labels[best])")
    }
  }
  // end
}
