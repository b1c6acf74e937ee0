import Foundation
import NodeHarness
import ServerHarness

/// With what a campaign is made; what goes wrong in it says its schedule.
package struct CampaignSettings: Sendable {
    /// The `starling` under test.
    package var binary: String
    /// `libClockStep.so`.
    package var clockLibrary: String
    package var devicesCount = 200
    /// Between two messages of a device, each of two readings.
    package var intervalSeconds = 2.0
    /// Devices that send a few messages at the beginning and never again.
    package var ghostsCount = 8
    /// Where the campaign's folder is made; nil = where the environment says.
    package var folder: String?
    package var tell: @Sendable (String) -> Void
    /// The campaign is to end now.
    package var isInterrupted: @Sendable () -> Bool = { false }

    package init(binary: String, clockLibrary: String, tell: @escaping @Sendable (String) -> Void) {
        self.binary = binary
        self.clockLibrary = clockLibrary
        self.tell = tell
    }

    /// The library that was built beside this program, or beside the `starling` under test.
    package static func clockLibrary(beside binary: String) throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let places = [own, binary].map { URL(filePath: $0).deletingLastPathComponent().path + "/libClockStep.so" }
        guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw HarnessError("no \(places[0]): build it with 'swift build --product ClockStep'")
        }
        return found
    }

    /// Why no campaign can be made here; nil if it can.
    package static let obstacle: String? = {
        if let obstacle = NetworkNamespaces.obstacle { return "NO CAMPAIGN HERE: \(obstacle)" }
        guard SmallDisk.mayMount else { return "NO CAMPAIGN HERE: it needs the right to mount a small disk" }
        guard PostgresPrograms.found != nil else { return PostgresPrograms.advice }
        guard RedisServer.program != nil else { return RedisServer.advice }
        return nil
    }()
}

/// Somebody asked it to end.
package struct Interrupted: Error, CustomStringConvertible {
    package let description = "interrupted"
}
