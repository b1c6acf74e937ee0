import DeviceFleet
import Telemetry
import Testing

@Suite struct DeviceSenderTests {
    private let second: Int64 = 1_000_000
    private let away = PostOutcome.again(reason: "refused", retryAfterMicroseconds: nil)

    private func sender(count: Int? = nil, servers: Int = 1) -> DeviceSender {
        DeviceSender(
            device: SimulatedDevice(id: DeviceID(unchecked: "device-01"), index: 0, anomalyRate: 0.1, seed: 1),
            schedule: DeviceSchedule(
                first: Moment(microseconds: 0), intervalMicroseconds: 1_000_000, messagesCountMax: count),
            rotation: ServerRotation(serversCount: servers, home: 0, backoff: .usual, seed: 1))
    }

    private func wall(_ now: Moment) -> Instant { VirtualClock.wallStart.advanced(byMicroseconds: now.microseconds) }

    /// The messages of a `send`, nil for any other step.
    private func sent(_ step: DeviceSender.Step) -> [DeviceMessage]? {
        guard case .send(_, let messages) = step else { return nil }
        return messages
    }

    private func taken(_ messages: [DeviceMessage]) -> PostOutcome {
        .answered(accepted: messages.count * 2, rejected: 0, reason: nil)
    }

    @Test func measuresSendsWaitsAndIsDone() throws {
        var sender = sender(count: 3)
        for second in 0..<3 as Range<Int64> {
            let now = Moment(microseconds: second * self.second)
            let messages = try #require(sent(sender.step(now: now, wall: wall(now))))
            #expect(messages.map(\.time) == [wall(now)])
            sender.answered(taken(messages), now: now)
            let next = sender.step(now: now, wall: wall(now))
            #expect(next == (second < 2 ? .wait(until: now.advanced(byMicroseconds: self.second)) : .done))
        }
        #expect(sender.counts.produced == 6 && sender.counts.accepted == 6 && sender.counts.buffered == 0)
    }

    @Test func whatHadNoAnswerGoesOutAgainExactlyAsItWas() throws {
        var sender = sender()
        var now = Moment(microseconds: 0)
        let first = try #require(sent(sender.step(now: now, wall: wall(now))))
        sender.answered(away, now: now)
        now = Moment(microseconds: 40 * second)
        let again = try #require(sent(sender.step(now: now, wall: wall(now))))
        #expect(Array(again.prefix(first.count)) == first)
        #expect(again.count == 41, "and everything measured since, in order")
        #expect(again.map(\.time) == again.map(\.time).sorted())
    }

    @Test func inALongOutageTheOldestGoAndTheBufferStaysWithinItsLimit() throws {
        var sender = sender()
        var now = Moment(microseconds: 0)
        let hours = 3 * DeviceSender.bufferCountMax
        var step = sender.step(now: now, wall: wall(now))
        for _ in 0..<100_000 where now.microseconds < Int64(hours) * second {
            switch step {
            case .send: sender.answered(away, now: now)
            case .wait(let until): now = until
            case .done: Issue.record("done without an answer")
            }
            step = sender.step(now: now, wall: wall(now))
            #expect(sender.counts.buffered <= DeviceSender.bufferCountMax * 2)
        }
        while case .wait(let until) = step {
            now = until
            step = sender.step(now: now, wall: wall(now))
        }
        var received: [DeviceMessage] = []
        while let messages = sent(step) {
            received += messages
            sender.answered(taken(messages), now: now)
            step = sender.step(now: now, wall: wall(now))
        }
        #expect(received.count == DeviceSender.bufferCountMax)
        let newest = try #require(received.last)
        #expect(wall(now).microseconds(since: newest.time) < second, "the newest survive")
        let counts = sender.counts
        #expect(counts.produced == counts.accepted + counts.dropped + counts.buffered)
    }

    @Test func requestsStaySmallWhileABufferIsDrained() throws {
        var sender = sender()
        let now = Moment(microseconds: 250 * second)
        var sizes: [Int] = []
        while let messages = sent(sender.step(now: now, wall: wall(now))) {
            sizes.append(messages.count)
            sender.answered(taken(messages), now: now)
        }
        #expect(sizes == [100, 100, 51])
    }

    @Test func aMachineThatSleptDoesNotMeasureTheNight() throws {
        var sender = sender()
        let now = Moment(microseconds: 1_000_000 * second)
        let messages = try #require(sent(sender.step(now: now, wall: wall(now))))
        #expect(messages.count == DeviceSender.messagesPerRequestMax)
        #expect(sender.counts.produced == 2_000_002)
        #expect(sender.counts.produced == sender.counts.dropped + sender.counts.buffered)
    }

    @Test func aWallClockSetBackGivesNoTimeTwice() throws {
        var sender = sender()
        var times: [Instant] = []
        for index in 0..<10 as Range<Int64> {
            let now = Moment(microseconds: index * second)
            let wall = index < 5 ? wall(now) : VirtualClock.wallStart
            let messages = try #require(sent(sender.step(now: now, wall: wall)))
            times += messages.map(\.time)
            sender.answered(taken(messages), now: now)
        }
        #expect(times == times.sorted() && Set(times).count == times.count)
    }

    @Test func refusedReadingsAreCountedAndForgotten() throws {
        var sender = sender(count: 1)
        let now = Moment(microseconds: 0)
        _ = try #require(sent(sender.step(now: now, wall: wall(now))))
        sender.answered(.refused("400"), now: now)
        #expect(sender.step(now: now, wall: wall(now)) == .done)
        #expect(sender.counts.rejected == 2 && sender.counts.accepted == 0)
    }

    @Test func aScheduleSkipsOnlyWhatIsOlderThanItKeeps() {
        var schedule = DeviceSchedule(first: Moment(microseconds: 10), intervalMicroseconds: 10, messagesCountMax: 8)
        #expect(schedule.skip(to: Moment(microseconds: 55), keep: 5) == 0)
        #expect(schedule.skip(to: Moment(microseconds: 1000), keep: 5) == 3)
        #expect(schedule.next == Moment(microseconds: 40))
        for _ in 0..<5 { schedule.take() }
        #expect(schedule.next == nil)
    }
}
