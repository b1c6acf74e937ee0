import IngestLog
import LogFormat
import Telemetry
import Testing

/// Who wrote a log before: what tells a copy of a folder from the folder.
@Suite struct LivesTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 16)

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test mutating func everyOpeningIsALifeThatBeginsAtTheEnd() async throws {
        var expected: [LogLife] = []
        for round in 0..<(LogLife.countMax + 4) {
            let (log, _) = try open(folder.sub())
            #expect(log.lives == expected.suffix(LogLife.countMax), "round \(round)")
            #expect(!expected.contains { $0.writer == log.life })
            expected.append(LogLife(writer: log.life, start: log.end))
            _ = try await fill(log, [3], &generator, sync: true)
            await log.close()
        }
    }

    @Test mutating func aRetiredLogBeginsWithTheLifeThatRetiredIt() async throws {
        let (first, _) = try open(folder.sub())
        await first.close()
        let (log, _) = try open(folder.sub())
        _ = try await fill(log, [5], &generator, sync: true)
        try await log.retire(newID: secondLog)
        #expect(log.lives.isEmpty)
        let life = log.life
        await log.close()
        let (again, _) = try open(folder.sub())
        #expect(again.lives == [LogLife(writer: life, start: .start)])
        await again.close()
    }

    /// What cannot be read is nobody's: the core then takes the row for somebody else's, and stores again.
    @Test(arguments: [[UInt8](), [1, 2, 3], [UInt8](repeating: 0xFF, count: LogLife.bytesCount)])
    mutating func aDamagedFileIsNoLife(_ bytes: [UInt8]) async throws {
        let (log, _) = try open(folder.sub())
        await log.close()
        try Files.change(folder.sub() + "/log/lives") { $0 = bytes }
        let (again, recovery) = try open(folder.sub())
        #expect(again.lives.isEmpty && recovery.isClean)
        await again.close()
        let (third, _) = try open(folder.sub())
        #expect(third.lives == [LogLife(writer: again.life, start: .start)])
        await third.close()
    }

    /// A life that is not written down could pass for the one before it.
    @Test(arguments: [true, false]) mutating func aLifeThatCannotBeWrittenDownIsNotBegun(_ failsWrite: Bool)
        async throws
    {
        let (log, _) = try open(folder.sub())
        await log.close()
        var calls = FileCalls.system
        if failsWrite { calls.write = { _, _, _ in -28 } } else { calls.syncAll = { _ in 5 } }
        #expect(throws: LogError.self) {
            _ = try IngestLog.open(directory: folder.sub(), settings: .init(), newID: firstLog, calls: calls)
        }
        let (again, _) = try open(folder.sub())
        await again.close()
    }
}
