import Testing

@testable import Hub

@Suite struct AddressTests {
  @Test func anAddressHasARepositoryAndPerhapsARevision() throws {
    let plain = try HubAddress("hf:org/my-adapter_v1.0")
    #expect((plain.repository, plain.branch, plain.commit) == ("org/my-adapter_v1.0", "main", nil))
    #expect((plain.owner, plain.name) == ("org", "my-adapter_v1.0"))
    let pull = try HubAddress("hf:org/name@refs/pr/1")
    #expect((pull.repository, pull.branch, "\(pull)") == ("org/name", "refs/pr/1", "hf:org/name@refs/pr/1"))
    let commit = String(repeating: "0123456789", count: 4)
    #expect(try HubAddress("hf:name@\(commit)").commit == commit)
  }

  @Test(arguments: [
    "hf:", "hf:/name", "hf:org/", "hf:a/b/c", "hf:../name", "hf:org/..", "hf:org/a..b", "hf:org/a--b", "hf:-org/name",
    "hf:org/name.", "hf:org/name.git", "hf:org/na me", "hf:org/näme", "hf:org/name\n", "hf:org/name?x=1",
    "hf:org/%2e%2e",
    "hf:org/name@", "hf:org/name@../x", "hf:org/name@a//b", "hf:org/name@/a", "hf:org/name@a b", "hf:org/name@-x",
    "hf:org/name@a\u{0}", "hf:\(String(repeating: "a", count: 97))",
  ])
  func whatCouldBeSomethingElseIsRefused(_ text: String) {
    #expect(throws: HubError.self) { try HubAddress(text) }
  }

  @Test func foldersAreNoAddresses() {
    #expect(Hub.isAddress("hf:org/name") && Hub.isAddress("https://host/a.zip"))
    for folder in ["hf", "Models/hf:x", "./hf:org/name", "https", "http:/x"] { #expect(!Hub.isAddress(folder)) }
  }

  @Test func theEnvironmentIsReadAsHuggingfaceHubReadsIt() throws {
    let usual = try HubSettings(environment: ["HOME": "/home/me"])
    #expect("\(usual.endpoint)" == "https://huggingface.co")
    #expect((usual.cache, usual.isOffline, usual.token == nil) == ("/home/me/.cache/huggingface/hub", false, true))
    #expect(try HubSettings(environment: ["HOME": "/h", "XDG_CACHE_HOME": "/x"]).cache == "/x/huggingface/hub")
    #expect(try HubSettings(environment: ["HOME": "/h", "HF_HOME": "~/hf"]).cache == "/h/hf/hub")
    let named = try HubSettings(environment: [
      "HF_HOME": "/hf", "HF_HUB_CACHE": "/cache", "HF_ENDPOINT": "https://mirror.test/", "HF_HUB_OFFLINE": "yes",
    ])
    #expect((named.cache, "\(named.endpoint)", named.isOffline) == ("/cache", "https://mirror.test", true))
    #expect(try !HubSettings(environment: ["HF_HOME": "/hf", "HF_HUB_OFFLINE": "0"]).isOffline)
    for endpoint in ["mirror.test", "ftp://mirror.test", "https://user:secret@mirror.test", "https://mirror.test?x=1"] {
      #expect(throws: HubError.self) { try HubSettings(environment: ["HF_HOME": "/hf", "HF_ENDPOINT": endpoint]) }
    }
  }

  @Test func aTokenIsNeverPartOfATextAboutIt() throws {
    let settings = try HubSettings(environment: ["HF_HOME": "/hf", "HF_TOKEN": " hf_secret\n"])
    #expect(settings.token?.secret == "hf_secret")
    var dumped = ""
    dump(settings, to: &dumped)
    for text in ["\(settings)", String(reflecting: settings), dumped] { #expect(!text.contains("hf_secret")) }
    let error = #expect(throws: HubError.self) {
      try HubSettings(environment: ["HF_HOME": "/hf", "HF_TOKEN": "hf_secret\r\nX-Header: 1"])
    }
    #expect(error.map { !"\($0)".contains("hf_secret") } ?? false)
  }

  @Test func aProxyIsUsedUnlessTheHostIsAnException() throws {
    let proxies = ProxySettings(["HTTPS_PROXY": "http://proxy:3128", "no_proxy": "localhost,.inner.test"])
    func proxy(_ text: String) throws -> String? { try proxies.proxy(for: #require(WebAddress(text))).map { "\($0)" } }
    #expect(try proxy("https://huggingface.co/x") == "http://proxy:3128")
    #expect(try proxy("http://huggingface.co/x") == nil)
    #expect(try proxy("https://a.inner.test") == nil)
    #expect(try proxy("https://localhost:1") == nil)
  }

  @Test func theNextPageIsFoundAmongLinks() {
    #expect(HubClient.nextPage(in: #"<https://h/a?b=1>; rel="next""#) == "https://h/a?b=1")
    #expect(HubClient.nextPage(in: #"<https://h/a>; rel="prev""#) == nil)
  }
}
