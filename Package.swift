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
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .target(name: "CKernels"),
    .target(name: "CFiles"),
    .target(name: "CRegistry", linkerSettings: [.linkedLibrary("sqlite3")]),
    library("Files", uses: ["CFiles"]),
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
      "AdapterHost",
      uses: [
        "AdapterMethods", "AdapterRegistry", "Checkpoints", "Deberta", "Files", "Heads", "Model", "Tasks", "Tensors",
        "Tokenization", "Training",
      ]),
    .executableTarget(
      name: "AdapterCLI",
      dependencies: ["AdapterHost", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      swiftSettings: settings),

    .target(
      name: "TestSupport",
      dependencies: ["AdapterHost", "AdapterMethods", "Checkpoints", "Deberta", "Kernels", "Tensors"],
      path: "Tests/Support", swiftSettings: settings),
    tests("FilesTests", uses: ["Files"]),
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
    tests("EngineTests", uses: ["AdapterHost", "AdapterMethods", "Deberta", "Model", "Tensors"]),
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
