// swift-tools-version: 6.2
import PackageDescription

// MARK: Compiler settings, the same for every Swift target

let always: [SwiftSetting] = [
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0461-async-function-isolation.md
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0470-isolated-conformances.md
    .enableUpcomingFeature("InferIsolatedConformances"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0481-weak-let.md
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0480-swiftpm-warning-control.md
    .treatAllWarnings(as: .error),
]

/// Fuzzers want counters in all that they reach, memory that is watched, and assertions that stay (docs/FUZZING.md).
let isFuzzing = Context.environment["STARLING_FUZZ"] != nil
let watched = ["-sanitize=fuzzer,address"]
let swift = always + (isFuzzing ? [.unsafeFlags(watched + ["-assert-config", "Debug"])] : [])
let cxx: [CXXSetting] = isFuzzing ? [.unsafeFlags(["-fsanitize=fuzzer-no-link,address"])] : []
/// The pure core runs whole worlds in its tests: optimised in debug builds too they take a tenth of the time, and leave
/// the machine to the tests that wait for real clocks. Assertions stay.
let optimised = swift + [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))]

// MARK: Libraries others keep, each at one exact version

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let numerics = Target.Dependency.product(name: "RealModule", package: "swift-numerics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")

let packages: [(name: String, dependency: Package.Dependency)] = [
    ("async-http-client", .package(url: "https://github.com/swift-server/async-http-client.git", exact: "1.37.0")),
    ("GRDB.swift", .package(url: "https://github.com/groue/GRDB.swift.git", exact: "7.10.0")),
    ("hummingbird", .package(url: "https://github.com/hummingbird-project/hummingbird.git", exact: "2.28.1")),
    ("swift-argument-parser", .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2")),
    ("swift-configuration", .package(url: "https://github.com/apple/swift-configuration.git", exact: "1.4.0")),
    ("swift-crypto", .package(url: "https://github.com/apple/swift-crypto.git", exact: "4.5.2")),
    ("swift-http-types", .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0")),
    ("swift-log", .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2")),
    ("swift-metrics", .package(url: "https://github.com/apple/swift-metrics.git", exact: "2.13.0")),
    ("swift-nio", .package(url: "https://github.com/apple/swift-nio.git", exact: "2.101.2")),
    ("swift-nio-ssl", .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6")),
    ("swift-numerics", .package(url: "https://github.com/apple/swift-numerics.git", exact: "1.1.1")),
    (
        "swift-service-lifecycle",
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", exact: "2.13.0")
    ),
]

// MARK: Targets (docs/ARCHITECTURE.md has the table)

func library(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: swift)
}

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: optimised)
}

func tests(of name: String, _ more: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.init(stringLiteral: name)] + more, resources: resources,
        swiftSettings: swift)
}

let pure: [Target] = [
    core("Telemetry"),
    core("HashRing", ["Telemetry"]),
    core("Membership", ["Telemetry"]),
    core("ControlPlane", ["Telemetry", "Membership", "HashRing"]),
    core("Lease", ["Telemetry"]),
    core("Wire", ["Telemetry", "Membership", "LogFormat"]),
    core("Detection", ["Telemetry", numerics]),
    core("Evaluation", ["Telemetry", "Detection"]),
    core("LogFormat", ["Telemetry"]),
    core("DataPlane", ["Telemetry", "HashRing", "Detection", "LogFormat", "Ports"]),
    core("Ports", ["Telemetry", "HashRing", "Lease"]),
    core("Pruning", ["Telemetry", "Ports"]),
    core("Alerting", ["Telemetry", "Ports"]),
    core("Access", ["Telemetry"]),
    core("Admission", ["Telemetry"]),
    // A kit, not a part of the node: the data plane in a world of disasters.
    core(
        "Simulation",
        [
            "Telemetry", "HashRing", "Detection", "LogFormat", "DataPlane", "Ports", "Membership", "ControlPlane",
            "Wire", "Lease", "Pruning",
        ]),
    // Another kit: what goes wrong with real processes, and what must hold afterwards.
    core("Campaign", ["Telemetry"]),
]

let shells: [Target] = [
    library("ReadingFormats", ["Telemetry", "CSimdjson", "CZlib"]),
    library("ModelFormats", ["Telemetry", "Detection"]),
    library("IngestLog", ["Telemetry", "LogFormat"]),
    library("ClusterKeys", [crypto]),
    library("AccessKeys", ["Telemetry", "Access", crypto]),
    library(
        "GossipTransport",
        ["Telemetry", "Membership", "Wire", "ClusterKeys", crypto, logging, nioCore, nioPosix, lifecycle]),
    library(
        "ClusterActors", ["Telemetry", "LogFormat", "ClusterKeys", crypto, logging, nioCore, nioPosix, lifecycle]),
    library(
        "Roles",
        [
            "Telemetry", "HashRing", "Detection", "LogFormat", "DataPlane", "Ports", "IngestLog", "ClusterActors",
            "ModelFormats", "Membership", "ControlPlane", "GossipTransport", "Lease", "Pruning", "Alerting", logging,
            metrics, lifecycle,
        ]),
    library("DeviceFleet", ["Telemetry", httpClient, logging, nioCore, nioPosix, nioHTTP1, nioSSL, lifecycle]),
    library("NodeSettings", ["Access", configuration, logging]),
    library("LogHandlers", ["Telemetry", logging]),
    library("SerialQueues"),
]

let adapters: [Target] = [
    library("SQLiteStore", ["Telemetry", "HashRing", "Ports", "SerialQueues", grdb, grdbSQLite, logging]),
    library("PostgresStore", ["Telemetry", "HashRing", "Ports", "SerialQueues", "CLibPQ", logging]),
    library("FileLease", ["Lease", "Ports"]),
    library("RedisLease", ["Lease", "Ports", "SerialQueues", "CHiredis", nioCore, nioPosix, nioSSL, nioTLS]),
    library("Webhook", ["Telemetry", "Ports", crypto, httpClient, nioCore, nioHTTP1, nioPosix]),
    library(
        "HTTPAPI",
        [
            "Telemetry", "Ports", "ReadingFormats", "Access", "AccessKeys", "Admission", hummingbird, hummingbirdCore,
            httpTypes, nioCore, nioHTTP1, nioSSL, crypto, logging, metrics, lifecycle,
        ],
        resources: [.copy("Dashboard"), .copy("sign-in.html"), .copy("openapi.json")]),
]

let systemLibraries: [Target] = [
    .target(name: "CSimdjson", cxxSettings: cxx, linkerSettings: [.linkedLibrary("simdjson")]),
    // Without pkg-config: all that it says of hiredis is a flag that SwiftPM warns of.
    .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
    .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
]

let executables: [Target] = [
    .executableTarget(
        name: "starling",
        dependencies: [
            "Telemetry", "HashRing", "Detection", "Evaluation", "Ports", "ModelFormats", "IngestLog", "Membership",
            "ClusterKeys",
            "GossipTransport", "ClusterActors", "Roles", "SQLiteStore", "PostgresStore", "FileLease", "RedisLease",
            "Webhook", "Lease", "Pruning", "Alerting", "HTTPAPI", "DeviceFleet", "NodeSettings", "LogHandlers",
            "Access",
            "AccessKeys", argumentParser, configuration,
            httpClient, logging, metrics, lifecycle, unixSignals, nioCore, nioHTTP1, nioSSL,
        ],
        swiftSettings: swift),
    .executableTarget(
        name: "starling-bench",
        dependencies: [
            "Telemetry", "HashRing", "Detection", "LogFormat", "IngestLog", "ReadingFormats", "Membership",
            "ControlPlane",
            "Wire", "ClusterKeys", "GossipTransport", "Simulation", "NodeHarness", "CLibPQ", argumentParser, grdbSQLite,
            logging,
        ],
        swiftSettings: swift),
    .executableTarget(
        name: "starling-campaign", dependencies: ["Campaign", "CampaignHarness", "NodeHarness", argumentParser],
        swiftSettings: swift),
]

/// What several test targets share.
let testKits: [Target] = [
    .target(
        name: "StoreConformance", dependencies: ["Telemetry", "HashRing", "Ports"], path: "Tests/StoreConformance",
        swiftSettings: swift),
    // A node as a process, and a client of it without anything in between; for the benchmarks too.
    .target(name: "NodeHarness", path: "Tests/NodeHarness", swiftSettings: swift),
    // A receiver of alerts that fails as it is told.
    .target(
        name: "ReceiverHarness", dependencies: [nioCore, nioHTTP1, nioPosix], path: "Tests/ReceiverHarness",
        swiftSettings: swift),
    // Servers that others wrote, private to one test, and a line to them that can be cut.
    .target(
        name: "ServerHarness", dependencies: ["NodeHarness"], path: "Tests/ServerHarness", swiftSettings: swift),
    // Whole campaigns: nodes, servers and devices on a network that fails, and what is said of them afterwards.
    .target(
        name: "CampaignHarness", dependencies: ["Telemetry", "Campaign", "NodeHarness", "ServerHarness"],
        path: "Tests/CampaignHarness", swiftSettings: swift),
    // Not linked by anybody: nodes of a campaign are started with it, so that their wall clocks can step.
    .target(name: "CClockStep", path: "Tests/CClockStep"),
    // A real browser, driven from outside.
    .target(name: "BrowserHarness", path: "Tests/BrowserHarness", swiftSettings: swift),
]

let testTargets: [Target] = [
    tests(of: "Telemetry"),
    tests(of: "HashRing", ["Telemetry"]),
    tests(of: "Membership", ["Telemetry"]),
    tests(of: "ControlPlane", ["Telemetry", "Membership", "HashRing"]),
    tests(of: "Lease", ["Telemetry", "Simulation"]),
    tests(of: "Pruning", ["Telemetry", "Ports", "Simulation"]),
    tests(of: "Alerting", ["Telemetry", "Ports"]),
    tests(of: "Access", ["Telemetry"]),
    tests(of: "AccessKeys", ["Telemetry", "Access"]),
    tests(of: "Admission", ["Telemetry"]),
    tests(of: "Wire", ["Telemetry", "Membership", "LogFormat"]),
    tests(of: "Detection", ["Telemetry"]),
    tests(of: "Evaluation", ["Telemetry", "Detection"]),
    tests(of: "LogFormat", ["Telemetry"]),
    tests(of: "DataPlane", ["Telemetry", "HashRing", "Detection", "LogFormat", "Ports"]),
    tests(of: "Simulation", ["Telemetry", "HashRing", "DataPlane", "Membership", "ControlPlane", "Wire"]),
    tests(of: "Campaign", ["Telemetry"]),
    tests(of: "ReadingFormats", ["Telemetry", "CZlib"]),
    tests(of: "ModelFormats", ["Telemetry", "Detection"], resources: [.copy("Parity")]),
    tests(of: "IngestLog", ["Telemetry", "LogFormat"]),
    tests(of: "ClusterKeys", [crypto]),
    tests(
        of: "GossipTransport", ["Telemetry", "Membership", "Wire", "ClusterKeys", crypto, logging, nioCore, nioPosix]),
    tests(of: "ClusterActors", ["Telemetry", "LogFormat", "ClusterKeys", logging, nioCore, nioPosix]),
    tests(
        of: "Roles",
        [
            "Telemetry", "HashRing", "Detection", "DataPlane", "Ports", "IngestLog", "LogFormat", "Lease", "Pruning",
            "Alerting", "Simulation", logging, lifecycle,
        ]),
    tests(of: "DeviceFleet", ["Telemetry", nioCore, nioPosix, nioHTTP1, logging, lifecycle]),
    tests(of: "NodeSettings", ["Access", logging]),
    tests(of: "LogHandlers", ["Telemetry", logging]),
    tests(
        of: "PostgresStore",
        ["Telemetry", "HashRing", "Ports", "StoreConformance", "ServerHarness", "NodeHarness", logging]),
    tests(of: "FileLease", ["Telemetry", "Lease", "Ports", "NodeHarness"]),
    tests(of: "Webhook", ["Telemetry", "Ports", "ReceiverHarness", crypto]),
    tests(
        of: "RedisLease",
        ["Telemetry", "Lease", "Ports", "ServerHarness", "NodeHarness", nioCore, nioEmbedded, nioTLS]),
    tests(of: "SQLiteStore", ["Telemetry", "HashRing", "Ports", "StoreConformance", grdb, grdbSQLite, logging]),
    tests(
        of: "HTTPAPI",
        [
            "Telemetry", "Ports", "ReadingFormats", "BrowserHarness", "Access", "AccessKeys", hummingbird,
            hummingbirdTesting, httpTypes, nioCore, nioSSL, logging, metrics, lifecycle,
        ]),
    .testTarget(name: "TidyTests", swiftSettings: swift),
    // It runs the built program: `swift build --product starling` first, where only this target is built.
    .testTarget(
        name: "NodeTests",
        dependencies: [
            "NodeHarness", "ServerHarness", "ReceiverHarness", "BrowserHarness", "CampaignHarness", "Campaign",
            "Telemetry", "LogFormat", crypto, grdbSQLite,
        ],
        swiftSettings: swift),
]

// MARK: Fuzzers: programs around one decoder each, only with STARLING_FUZZ

func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: ["FuzzKit"] + dependencies, path: "Tests/Fuzz/\(name)", swiftSettings: swift,
        linkerSettings: [.unsafeFlags(watched + ["-use-ld=lld"])])
}

let fuzzers: [Target] = [
    .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzz/CLibFuzzer"),
    .target(name: "FuzzKit", dependencies: ["CLibFuzzer"], path: "Tests/Fuzz/FuzzKit", swiftSettings: swift),
    // In the place of the one of the same name: its frames and calls, without the ciphers, which take minutes to build.
    .target(
        name: "ClusterActors", dependencies: ["Telemetry", "LogFormat", nioCore], path: "Tests/Fuzz/ClusterActors",
        swiftSettings: swift),
    .target(
        name: "NodeSettings", dependencies: ["Access", logging], exclude: ["SettingsLoader.swift"], swiftSettings: swift
    ),
    fuzzer("CallFuzz", ["Telemetry", "HashRing", "LogFormat", "DataPlane", "Ports", "ClusterActors"]),
    fuzzer("DatagramFuzz", ["Membership", "Wire"]),
    fuzzer("FrameFuzz", ["Telemetry", "ClusterActors", nioCore]),
    fuzzer("GzipFuzz", ["ReadingFormats"]),
    fuzzer("HTTPFuzz", ["Telemetry", "Ports", "ReadingFormats", httpTypes, nioCore, nioEmbedded, nioHTTP1]),
    fuzzer("LogFuzz", ["Telemetry", "LogFormat"]),
    fuzzer("ModelFuzz", ["Telemetry", "Detection", "ModelFormats"]),
    fuzzer("ReadingFuzz", ["Telemetry", "ReadingFormats"]),
    fuzzer("StateFuzz", ["Telemetry", "HashRing", "Detection", "LogFormat", "DataPlane", "Ports"]),
    fuzzer("TextFuzz", ["Telemetry", "Access", "NodeSettings"]),
]

/// What fuzzers reach beside the pure targets.
let fuzzed = pure + shells.filter { ["ReadingFormats", "ModelFormats"].contains($0.name) } + systemLibraries

// MARK: A part of the package, built alone
//
// `STARLING_ONLY=DetectionTests swift test` sees only that target and what it needs, so the tests of a pure target
// build in seconds and without the HTTP server.

func closure(of names: [String], in targets: [Target]) -> [Target] {
    let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
    var wanted: Set<String> = []
    var queue = names
    while let name = queue.popLast() {
        guard let target = byName[name], wanted.insert(name).inserted else { continue }
        for dependency in target.dependencies {
            switch dependency {
            case .byNameItem(let name, _), .targetItem(let name, _): queue.append(name)
            default: break
            }
        }
    }
    return targets.filter { wanted.contains($0.name) }
}

let whole = pure + shells + adapters + systemLibraries + executables + testKits + testTargets
let all = isFuzzing ? fuzzed + fuzzers : whole
let chosen =
    Context.environment["STARLING_ONLY"].map {
        closure(of: $0.split(separator: ",").map(String.init), in: all)
    } ?? (isFuzzing ? closure(of: fuzzers.map(\.name), in: all) : all)

let usedPackages = Set(
    chosen.flatMap(\.dependencies).compactMap { dependency -> String? in
        guard case .productItem(_, let package, _, _) = dependency else { return nil }
        return package
    })

let package = Package(
    name: "starling",
    platforms: [.macOS(.v26)],
    products: chosen.contains { $0.name == "CClockStep" }
        ? [.library(name: "ClockStep", type: .dynamic, targets: ["CClockStep"])] : [],
    dependencies: packages.filter { usedPackages.contains($0.name) }.map(\.dependency),
    targets: chosen,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx20
)
