// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let host: [Target.Dependency] = [
  .product(name: "AdapterHost", package: "adapter-host"),
  .product(name: "ArgumentParser", package: "swift-argument-parser"),
]

let package = Package(
  name: "adapter-host-benchmarks",
  products: [
    .executable(name: "make-checkpoint", targets: ["MakeCheckpoint"]),
    .executable(name: "engine", targets: ["Engine"]),
  ],
  dependencies: [
    .package(name: "adapter-host", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .systemLibrary(name: "CThreadedBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .executableTarget(name: "MakeCheckpoint", dependencies: host, swiftSettings: settings),
    .executableTarget(name: "Engine", dependencies: host + ["CThreadedBLAS"], swiftSettings: settings),
  ]
)
