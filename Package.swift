// swift-tools-version: 6.2
// The architecture, as data. Floors stand in order, and a target may import lower floors and
// the targets listed above it on its own floor; cycles therefore cannot be written.

import PackageDescription

/// One line of the architecture: a target, the folder its floor lives in, and what it stands on.
struct Module {
  enum Kind { case swift, system, c, executable }
  var name: String
  var kind = Kind.swift
  var path: String
  var dependencies: [Target.Dependency] = []
  /// What the module's tests stand on besides; may come later in the list.
  var testDependencies: [Target.Dependency] = []
  var resources: [Resource] = []
  /// Files of the folder that are not sources.
  var exclude: [String] = []
  /// The pkg-config file of a system library, where it has one.
  var pkgConfig: String?
  /// Loops over numbers, compiled with optimisation in debug builds too: tests run real networks.
  var isNumeric = false
  var hasTests = true
}

func module(
  _ name: String, in floor: String, _ dependencies: Target.Dependency..., numeric: Bool = false,
  tests: Bool = true, testing: [Target.Dependency] = []
) -> Module {
  Module(
    name: name, path: "Sources/\(floor)/\(name)", dependencies: dependencies,
    testDependencies: testing, isNumeric: numeric, hasTests: tests)
}

func library(_ name: String, pkgConfig: String? = nil) -> Module {
  Module(
    name: name, kind: .system, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig,
    hasTests: false)
}

extension Target.Dependency {
  static let argumentParser = product(name: "ArgumentParser", package: "swift-argument-parser")
  static let logging = product(name: "Logging", package: "swift-log")
  static let protobuf = product(name: "SwiftProtobuf", package: "swift-protobuf")
  static let unixSignals = product(name: "UnixSignals", package: "swift-service-lifecycle")
  static let yams = product(name: "Yams", package: "Yams")
}

let modules: [Module] = [
  // Floor 0: C libraries. Module maps and shims only.
  library("COpenBLAS", pkgConfig: "openblas"), library("COneDNN"),
  library("CLibPQ", pkgConfig: "libpq"), library("CZeroMQ", pkgConfig: "libzmq"),
  library("CCrypto", pkgConfig: "libcrypto"), library("CZip", pkgConfig: "libzip"),
  // The C of our own: loops whose vectors are as wide as the machine's, in a fixed order of sums.
  Module(name: "CKernels", kind: .c, path: "Sources/CLibraries/CKernels", hasTests: false),
  library("CJPEG", pkgConfig: "libjpeg"), library("CPNG", pkgConfig: "libpng"),
  library("CMemory"), library("CFiles"),

  // Floor 1: numbers.
  module("Quantities", in: "Numerics"),
  module("Digests", in: "Numerics", "CCrypto", "CFiles", "Quantities"),
  module("Tensors", in: "Numerics", numeric: true),
  module("Parallelism", in: "Numerics", "CMemory", numeric: true),
  module(
    "LinearAlgebra", in: "Numerics", "COpenBLAS", "CKernels", numeric: true,
    testing: ["Parallelism"]),
  module("Solvers", in: "Numerics", numeric: true),
  module("Drawing", in: "Numerics", "LinearAlgebra"),

  // Floor 2: networks.
  module(
    "NetworkGraph", in: "Networks", "Quantities", "Tensors", numeric: true,
    testing: ["ONNXFormat", "NetworkTestSupport"]),
  module("ONNXSchema", in: "Networks", .protobuf, tests: false),
  module(
    "ONNXFormat", in: "Networks", "ONNXSchema", "NetworkGraph", "Quantities", "Tensors", .protobuf),
  module("Execution", in: "Networks", "NetworkGraph", "Tensors", "Parallelism", numeric: true),
  module(
    "OneDNNBackend", in: "Networks", "COneDNN", "Execution", "NetworkGraph", "Tensors",
    numeric: true, testing: ["ONNXFormat", "NetworkTestSupport"]),
  module(
    "Datasets", in: "Networks", "Quantities", "Tensors", "Digests", "Parallelism", "CZip", "CJPEG",
    "CPNG", .yams, numeric: true),

  // Floor 3: the science.
  module("Devices", in: "Pruning", "Quantities", .yams),
  module(
    "Importance", in: "Pruning", "LinearAlgebra", "Tensors", "Digests", "Parallelism", numeric: true
  ),
  module(
    "Allocation", in: "Pruning", "Solvers", "Parallelism", "NetworkGraph", "Quantities", "Devices",
    numeric: true),
  module(
    "Surgery", in: "Pruning", "NetworkGraph", "Tensors", numeric: true,
    testing: [
      "ONNXFormat", "Execution", "OneDNNBackend", "Quantities", "NetworkTestSupport",
      "PruningTestSupport",
    ]),
  module(
    "Profiling", in: "Pruning", "NetworkGraph", "ONNXFormat", "Execution", "Devices", "Allocation",
    "Surgery", "Parallelism", numeric: true,
    testing: ["OneDNNBackend", "NetworkTestSupport", "Quantities"]),
  module(
    "Recovery", in: "Pruning", "CKernels", "Quantities", "Parallelism", "LinearAlgebra", "Solvers",
    "NetworkGraph", "Tensors",
    numeric: true),
  module(
    "Pipeline", in: "Pruning", "Quantities", "Digests", "Tensors", "Parallelism", "LinearAlgebra",
    "NetworkGraph", "ONNXFormat", "Execution", "Datasets", "Devices", "Importance", "Allocation",
    "Surgery", "Recovery", .logging, numeric: true,
    testing: ["OneDNNBackend", "NetworkTestSupport", "WorkerService"]),

  // Floor 4: the machine room.
  Module(
    name: "Migrations", path: "migrations",
    resources: [
      "0001_initial", "0002_evaluation", "0003_identity", "0004_evidence", "0005_latency",
      "0006_order", "0007_fit",
    ].map { .embedInCode("\($0).sql") },
    hasTests: false),
  module("Processes", in: "Cluster", "CMemory", tests: false),
  module("Postgres", in: "Cluster", "CLibPQ", "Processes", .logging),
  module("JobEngine", in: "Cluster", "Postgres", "Migrations", "Digests"),
  module("Catalogue", in: "Cluster", "Postgres", "Migrations", "Quantities"),
  module("ZeroMQ", in: "Cluster", "CZeroMQ"),
  module("Messaging", in: "Cluster", "ZeroMQ", "Digests", .protobuf, .logging),
  module(
    "WorkerService", in: "Cluster", "Messaging", "Pipeline", "Execution", "Digests", "Parallelism",
    "Processes", .logging,
    tests: false),
  module(
    "CoordinatorService", in: "Cluster", "Messaging", "Pipeline", "JobEngine", "Catalogue",
    "Postgres", "Processes", "Digests", "Quantities", .logging, tests: false),
  module(
    "ClusterSimulation", in: "Cluster", "CoordinatorService", "WorkerService", "Processes",
    "Postgres", "Pipeline", "Importance", "OneDNNBackend", "Parallelism", .logging),

  // The executables: composition roots.
  Module(
    name: "espalier-coordinator", kind: .executable, path: "coordinator",
    dependencies: [
      "CoordinatorService", "Postgres", "OneDNNBackend", "LinearAlgebra", .argumentParser,
      .logging, .unixSignals,
    ], exclude: ["Dockerfile"], hasTests: false),
  Module(
    name: "espalier-worker", kind: .executable, path: "worker",
    dependencies: [
      "WorkerService", "Processes", "OneDNNBackend", "LinearAlgebra", .argumentParser, .logging,
      .unixSignals,
    ], exclude: ["Dockerfile"], hasTests: false),
  Module(
    name: "espalier", kind: .executable, path: "Sources/Tools/espalier",
    dependencies: [
      "CoordinatorService", "WorkerService", "ClusterSimulation", "Catalogue", "Postgres",
      "Processes", "Pipeline", "Profiling", "Recovery", "Solvers", "ONNXFormat", "OneDNNBackend",
      "Drawing", "LinearAlgebra", "Parallelism",
      .argumentParser, .logging, .unixSignals,
    ], hasTests: false),
]

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let optimised: [SwiftSetting] = [.unsafeFlags(["-O"], .when(configuration: .debug))]

let targets = modules.map { module -> Target in
  let settings = settings + (module.isNumeric ? optimised : [])
  return switch module.kind {
  case .system: .systemLibrary(name: module.name, path: module.path, pkgConfig: module.pkgConfig)
  case .c:
    .target(
      name: module.name, path: module.path,
      cSettings: [.unsafeFlags(["-O3", "-ffp-contract=off", "-Wall", "-Wextra", "-Werror"])])
  case .swift:
    .target(
      name: module.name, dependencies: module.dependencies, path: module.path,
      resources: module.resources, swiftSettings: settings)
  case .executable:
    .executableTarget(
      name: module.name, dependencies: module.dependencies, path: module.path,
      exclude: module.exclude, swiftSettings: settings)
  }
}

/// The programs themselves, as a user meets them: processes, sockets, a real database.
let systemTests = Target.testTarget(
  name: "SystemTests",
  dependencies: [
    "espalier", "espalier-coordinator", "espalier-worker", "Postgres", "TestSupport",
  ],
  path: "Tests/SystemTests", swiftSettings: settings)

/// Networks as users bring them, through import, surgery, execution and export.
let zooTests = Target.testTarget(
  name: "ZooTests",
  dependencies: [
    "ONNXFormat", "NetworkGraph", "Surgery", "Execution", "OneDNNBackend", "Tensors", "TestSupport",
    "PruningTestSupport", "Quantities", "Allocation", "Devices",
  ], path: "Tests/ZooTests", exclude: ["Fixtures"], swiftSettings: settings)

let tests = modules.filter(\.hasTests).map { module -> Target in
  .testTarget(
    name: "\(module.name)Tests",
    dependencies: [.init(stringLiteral: module.name), "TestSupport"] + module.dependencies
      + module.testDependencies,
    path: "Tests/\(module.name)Tests", exclude: ["Fixtures"], swiftSettings: settings)
}

let support = Target.target(
  name: "TestSupport", dependencies: ["Tensors"], path: "Tests/TestSupport",
  swiftSettings: settings)
let networkSupport = Target.target(
  name: "NetworkTestSupport", dependencies: ["NetworkGraph", "Tensors", "TestSupport"],
  path: "Tests/NetworkTestSupport", swiftSettings: settings)
let pruningSupport = Target.target(
  name: "PruningTestSupport",
  dependencies: [
    "NetworkGraph", "Execution", "OneDNNBackend", "Surgery", "Tensors", "TestSupport",
  ], path: "Tests/PruningTestSupport", swiftSettings: settings)

/// `ESPALIER_ONLY=ModuleA,ModuleB` narrows the package to these modules, what they stand on and
/// their tests: the fast way to work on one part.
let only = Context.environment["ESPALIER_ONLY"].map { $0.split(separator: ",").map(String.init) }
let chosen = only.map { only -> Set<String> in
  var chosen = Set(only)
  var waiting = only
  while let name = waiting.popLast() {
    let module = modules.first { $0.name == name }
    let testing =
      name == "Zoo"
      ? zooTests.dependencies : only.contains(name) ? module?.testDependencies ?? [] : []
    for case .byNameItem(let dependency, _) in (module?.dependencies ?? []) + testing
    where chosen.insert(dependency).inserted { waiting.append(dependency) }
  }
  return chosen.union(["TestSupport", "Tensors"]).union(only.map { "\($0)Tests" })
}

let package = Package(
  name: "espalier",
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: (targets + tests + [support, networkSupport, pruningSupport, systemTests, zooTests])
    .filter { chosen?.contains($0.name) ?? true }
)
