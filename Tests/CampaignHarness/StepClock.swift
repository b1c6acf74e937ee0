import Foundation
import NodeHarness

/// The wall clock of one node, told over eight bytes of a file (see `CClockStep`).
final class StepClock {
    private let place: UnsafeMutableRawPointer
    private static let bytes = MemoryLayout<Int64>.size

    /// What a node needs in its environment to live by it.
    let environment: [String: String]

    init(at path: String, library: String) throws {
        try Data(count: Self.bytes).write(to: URL(filePath: path))
        let file = open(path, O_RDWR | O_CLOEXEC)
        guard file >= 0 else { throw HarnessError(call: "open \(path)") }
        defer { close(file) }
        // Written through a mapping, so that nobody reads half a number.
        guard let place = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), place != MAP_FAILED else {
            throw HarnessError(call: "mmap \(path)")
        }
        self.place = place
        environment = ["LD_PRELOAD": library, "CLOCK_STEP_FILE": path]
    }

    deinit { munmap(place, Self.bytes) }

    func set(secondsAhead seconds: Int) {
        place.storeBytes(of: Int64(seconds) * 1_000_000, as: Int64.self)
    }
}
