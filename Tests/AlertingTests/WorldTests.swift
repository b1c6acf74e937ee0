import Alerting
import Foundation
import Ports
import Telemetry
import Testing

@Suite struct WorldTests {
    /// One message as the receiver read it.
    private struct Message {
        let id: String
        let object: [String: String]

        init?(_ id: String, _ body: [UInt8]) {
            guard let object = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else { return nil }
            self.id = id
            self.object = object.compactMapValues { $0 as? String }
        }

        func instant(_ key: String) -> Instant? { object[key].flatMap { Instant(rfc3339: $0) } }

        /// It is about this.
        func tells(of episode: AnomalyEpisode) -> Bool {
            guard object["device_id"] == episode.series.device.text, object["kind"] == episode.kind.rawValue,
                let start = instant("start"), let end = episode.end
            else { return false }
            return start >= episode.start && start <= end
        }
    }

    /// Kind, device and id of its alert.
    private static func name(of message: Message) -> String {
        ["kind", "device_id", "id"].map { message.object[$0] ?? "?" }.joined(separator: " ")
    }

    /// What every world must come to: whatever happened was told with its start and its end, and nothing else was.
    private static func check(_ world: AlertWorld, _ seed: UInt64) {
        let messages = world.received.compactMap { Message($0.id, $0.body) }
        #expect(messages.count == world.received.count, "seed \(seed)")
        for message in messages {
            #expect(message.id == "\(message.object["id"] ?? "?")/\(message.object["event"] ?? "?")", "seed \(seed)")
            #expect(world.truths.contains { message.tells(of: $0.episode) }, "seed \(seed): \(message.object)")
        }
        // Where an end is heard late, the alert that is open takes in what follows in its series.
        let ends = Set(world.truths.map { [$0.episode.series.device.text, $0.episode.end?.description ?? ""] })
        var told: [String: (start: Instant, end: Instant?)] = [:]
        for message in messages {
            guard let start = message.instant("start") else { continue }
            told[Self.name(of: message)] = (start, nil)
        }
        for message in messages where message.object["event"] == "end" {
            guard let id = message.object["id"], let device = message.object["device_id"] else { continue }
            #expect(ends.contains([device, message.object["end"] ?? ""]), "seed \(seed): \(message.object)")
            told[Self.name(of: message)]?.end = message.instant("end")
            #expect(messages.contains { $0.object["id"] == id && $0.object["event"] == "start" }, "seed \(seed): \(id)")
        }
        for truth in world.truths {
            let line = "\(truth.episode.kind.rawValue) \(truth.episode.series.device) "
            let isTold = told.contains { id, one in
                guard id.hasPrefix(line), let end = one.end, let over = truth.episode.end else {
                    return false
                }
                return one.start <= over && end >= truth.episode.start
            }
            #expect(isTold, "seed \(seed): \(truth)")
        }
        #expect(world.pending == [], "seed \(seed)")
    }

    /// `STARLING_WORLDS` is how many.
    private static let seeds: [UInt64] = {
        let count = ProcessInfo.processInfo.environment["STARLING_WORLDS"].flatMap { UInt64($0) } ?? 6
        return Array(1...max(1, count))
    }()

    @Test(arguments: seeds)
    func everythingIsToldAtLeastOnce(seed: UInt64) {
        var world = AlertWorld(seed: seed)
        world.run(minutes: 20)
        Self.check(world, seed)
        #expect(world.mostPending < 500)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func inPeaceEverythingIsToldOnce(seed: UInt64) {
        var world = AlertWorld(seed: seed)
        world.run(minutes: 20, isCalm: true)
        Self.check(world, seed)
        #expect(world.received.count == 2 * world.truths.count)
        #expect(Set(world.received.map(\.id)).count == world.received.count)
    }

    @Test func aSeedIsReplayed() {
        let runs = (0..<2).map { _ in
            var world = AlertWorld(seed: 77)
            world.run(minutes: 10)
            return world.received.map { [Array($0.id.utf8), $0.body] }
        }
        #expect(runs[0] == runs[1])
    }
}
