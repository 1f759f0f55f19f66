import AdapterHost

/// The example of the article about the Hub. It needs the network, so it is compiled and not run.
private func modelOfTheHub() async throws -> DebertaV2AdapterModel {
  let hub = try Hub()
  let base = try await hub.folder(of: "hf:microsoft/deberta-v3-base")
  let adapter = try await hub.folder(of: "hf:ORG/NAME@main")
  var model = try DebertaV2AdapterModel(folder: base.path)
  try model.loadAdapter(adapter.path, as: adapter.name)
  return model
}
