// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

func library(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, uses dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: settings)
}

let package = Package(
  name: "adapter-host",
  products: [
    .library(name: "AdapterHost", targets: ["AdapterHost"]),
    .executable(name: "adapter-cli", targets: ["AdapterCLI"]),
    .executable(name: "adapter-server", targets: ["AdapterServer"]),
  ],
  traits: [
    .trait(
      name: "Hub", description: "Adapters and models of the Hugging Face Hub; without it no network code is built."),
    .default(enabledTraits: ["Hub"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    // For the trait Hub alone.
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    // For adapter-server alone: other products compile none of these.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CCompression", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev", "liblzma-dev"])]),
    .target(name: "CKernels"),
    .target(name: "CFiles"),
    .target(name: "CRegistry", linkerSettings: [.linkedLibrary("sqlite3")]),
    library("Files", uses: ["CCompression", "CFiles"]),
    library("Kernels", uses: ["COpenBLAS", "CKernels"]),
    library("Tensors", uses: ["Kernels", "Checkpoints", "Files"]),
    library("Checkpoints", uses: ["Files"]),
    library("Tokenization", uses: ["Checkpoints"]),
    library("Deberta", uses: ["Tensors", "Checkpoints"]),
    library("AdapterMethods", uses: ["Deberta", "Tensors", "Checkpoints", "Files"]),
    library("Heads", uses: ["Tensors", "Checkpoints"]),
    library("Model", uses: ["AdapterMethods", "Checkpoints", "Deberta", "Files", "Heads", "Tensors"]),
    library("Tasks", uses: ["Checkpoints", "Files", "Heads", "Tensors", "Tokenization"]),
    library(
      "Training",
      uses: [
        "AdapterMethods", "Checkpoints", "Deberta", "Files", "Heads", "Model", "Tasks", "Tensors", "Tokenization",
      ]),
    library(
      "AdapterRegistry",
      uses: [
        "CRegistry", "Files", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "GRDBSQLite", package: "GRDB.swift"),
      ]),
    library(
      "Hub",
      uses: [
        "Checkpoints", "Files",
        .product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["Hub"])),
        .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Hub"])),
        .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Hub"])),
      ]),
    library(
      "AdapterHost",
      uses: [
        "AdapterMethods", "AdapterRegistry", "Checkpoints", "Deberta", "Files", "Heads", "Hub", "Model", "Tasks",
        "Tensors", "Tokenization", "Training",
      ]),
    .executableTarget(
      name: "AdapterCLI",
      dependencies: ["AdapterHost", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: settings),
    .executableTarget(
      name: "AdapterServer",
      dependencies: [
        "AdapterHost", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Configuration", package: "swift-configuration"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"), .product(name: "Logging", package: "swift-log"),
        .product(name: "Metrics", package: "swift-metrics"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      resources: [.embedInCode("Page")], swiftSettings: settings),

    .target(
      name: "TestSupport",
      dependencies: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Kernels", "Tensors"],
      path: "Tests/Support", swiftSettings: settings),
    tests("FilesTests", uses: ["Files"]),
    tests("HubTests", uses: ["Checkpoints", "Files", "Hub"]),
    tests("KernelsTests", uses: ["Kernels", "Tensors"]),
    tests("TensorsTests", uses: ["Checkpoints", "Kernels", "Tensors"]),
    tests("CheckpointsTests", uses: ["Checkpoints", "Files"]),
    tests("TokenizationTests", uses: ["Checkpoints", "Tokenization"]),
    tests("DebertaTests", uses: ["AdapterHost", "Checkpoints", "Deberta", "Kernels", "Tensors"]),
    tests("AdapterMethodsTests", uses: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Tensors"]),
    tests(
      "MethodLawsTests",
      uses: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Heads", "Model", "Tensors", "Training"]),
    tests("HeadsTests", uses: ["AdapterHost", "Checkpoints", "Heads", "Kernels", "Tensors"]),
    tests("ParityTests", uses: ["AdapterHost", "Checkpoints", "Kernels", "Tensors"]),
    tests("AdapterHostTests", uses: ["AdapterHost", "Checkpoints", "Heads", "Kernels", "Model", "Tensors"]),
    tests("AdapterRegistryTests", uses: ["AdapterRegistry", "Files", .product(name: "GRDB", package: "GRDB.swift")]),
    tests("PredictionTests", uses: ["AdapterHost"]),
    tests("EngineTests", uses: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Model", "Tensors"]),
    tests(
      "ServerTests",
      uses: [
        "AdapterHost", "AdapterServer", .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
    tests(
      "AdapterCLITests",
      uses: [
        "AdapterCLI", "AdapterHost", "Kernels", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    tests("RegistryCommandTests", uses: ["AdapterCLI", "AdapterHost"]),
    tests("TasksTests", uses: ["Tasks", "Checkpoints", "Heads", "Tensors", "Tokenization"]),
    tests(
      "TrainingDataTests", uses: ["Tasks", "Training", "Checkpoints", "Heads", "Tensors", "Tokenization"]),
    tests("TrainingLoopTests", uses: ["Training", "Checkpoints", "Tensors"]),
    tests(
      "TrainingParity",
      uses: ["Training", "AdapterMethods", "Checkpoints", "Deberta", "Heads", "Model", "Tensors"]),
    tests("TrainCommandTests", uses: ["AdapterCLI", "AdapterHost", "Checkpoints"]),
    tests(
      "FuzzTests",
      uses: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Heads", "Tensors", "Tokenization", "Training"]),
    tests("DocumentationTests", uses: ["AdapterHost"]),
    tests("ReadmeTests", uses: ["AdapterHost"]),
  ]
)
