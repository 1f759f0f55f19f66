import AdapterMethods
import Files
import Testing

@Suite struct ConfigurationIDTests {
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
  ])
  func theDigestIsThatOfTheStandard(_ text: String, _ digest: String) {
    #expect(SHA1.hexadecimal(of: Array(text.utf8)) == digest)
  }

  /// Printed by adapters 1.3.0, `get_adapter_config_hash`.
  @Test(arguments: [
    "seq_bn": "9076f36a74755ac4", "double_seq_bn": "b1017368d7a97b11", "par_bn": "211b85d66ae909db",
    "scaled_par_bn": "4197b24ec21c92f8", "seq_bn_inv": "9ed5b5a29de19b71", "double_seq_bn_inv": "bcdbfdc759d7abf1",
    "compacter++": "cfa13994accfb5f4", "compacter": "934efc0c1022a56f", "prefix_tuning": "648bf22f5afeaaa6",
    "prefix_tuning_flat": "d61d9a6e9c3974ea", "prompt_tuning": "8e35d5049bb12364", "mtl_lora": "b37172df6259ff89",
    "lora": "625403edad0bf919", "ia3": "1ebb5af107e576c0", "vera": "2be4e8738bf1b672", "dora": "045575c920686296",
    "dvora": "54bac59257d09af0", "loreft": "141e29e6c21f7261", "noreft": "df69f184fdb72464",
    "direft": "df69f184fdb72464", "mam": "97453c0dbc2dbc97", "unipelt": "67ac4937c601ad56",
  ])
  func everyPresetHasTheIdentityThatTheReferenceGivesIt(_ preset: String, _ id: String) throws {
    #expect(try MethodCatalog.standard.method(preset: preset).configurationID == id)
  }

  @Test func changesChangeTheIdentityUnlessTheyAreOff() throws {
    func id(_ text: String) throws -> String { try MethodCatalog.standard.method(preset: text).configurationID }
    #expect(try id("lora[r=4]") != id("lora"))
    #expect(try id("lora[dropout=0.0]") == id("lora"))
    #expect(try id("lora[dropout=0.1]") != id("lora"))
    #expect(FusionSettings.dynamic.configurationID == "dynamic" && FusionSettings.static.configurationID == "static")
  }
}
