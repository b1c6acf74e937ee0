import Telemetry

/// What a run did, as a digest always and as lines if asked for: two runs of one seed are the same exactly if their
/// digests are.
package struct Trace: Hashable, Sendable {
    package private(set) var digest: UInt64 = 0
    package private(set) var eventsCount: UInt64 = 0
    package private(set) var lines: [String] = []
    let isRecorded: Bool

    init(isRecorded: Bool) {
        self.isRecorded = isRecorded
    }

    mutating func note(_ now: Moment, _ what: StaticString, _ numbers: UInt64..., text: @autoclosure () -> String) {
        eventsCount += 1
        digest = SeededGenerator.mixed(digest ^ UInt64(bitPattern: now.microseconds))
        digest = what.withUTF8Buffer { name in
            name.reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        for number in numbers { digest = SeededGenerator.mixed(digest ^ number) }
        if isRecorded { lines.append("\(Self.seconds(now)) \(what) \(text())") }
    }

    static func seconds(_ moment: Moment) -> String {
        let milliseconds = moment.microseconds / 1_000
        let digits = String(milliseconds % 1_000)
        return "\(milliseconds / 1_000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}
