import Foundation

/// Where programs are.
package enum Programs {
    /// The path of a program in `PATH`; nil if there is none.
    package static func find(_ name: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        // Servers live in `sbin`, which the PATH of a plain user leaves out.
        return (path + ":/usr/sbin:/usr/local/sbin").split(separator: ":").map { "\($0)/\(name)" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    /// The built `starling`: what STARLING_BINARY names, else the one that was built beside this program.
    package static func starling() throws -> String {
        if let named = ProcessInfo.processInfo.environment["STARLING_BINARY"], !named.isEmpty {
            guard FileManager.default.isExecutableFile(atPath: named) else {
                throw HarnessError("STARLING_BINARY is \(named), which is no program")
            }
            return named
        }
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let beside = URL(filePath: own).deletingLastPathComponent().appending(path: "starling").path
        guard FileManager.default.isExecutableFile(atPath: beside) else {
            throw HarnessError("no \(beside): build it with 'swift build --product starling', or set STARLING_BINARY")
        }
        return beside
    }

    /// The environment without what would configure a node or a simulator behind the caller's back.
    package static func plainEnvironment() -> [String: String] {
        let others: Set = ["DATABASE_URL", "REDIS_URL", "LOG_LEVEL", "SERVER_URL", "DEVICE_ID", "SEND_INTERVAL"]
        return ProcessInfo.processInfo.environment.filter { name, _ in
            !name.hasPrefix("STARLING_") && !others.contains(name)
        }
    }
}
