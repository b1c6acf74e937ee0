import Foundation
import IngestLog
import LogFormat
import Telemetry
import Testing

/// Folders that cannot be used, and what the messages tell the reader to do.
@Suite struct FolderTests {
    let folder: TemporaryFolder
    var generator = SeededGenerator(seed: 7)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func refusal(_ directory: String) -> LogError? {
        #expect(throws: LogError.self) { _ = try open(directory) }
    }

    @Test func oneLogAFolder() async throws {
        let (log, _) = try open(folder.sub())
        let error = refusal(folder.sub())
        #expect(error?.code == .locked)
        #expect(error?.message.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
        #expect(error?.message.contains("--data-dir") == true)
        let (other, _) = try open(folder.sub("other"))
        await other.close()
        await log.close()
        let (again, recovery) = try open(folder.sub())
        #expect(!recovery.isNew)
        await again.close()
    }

    @Test func aLogThatIsDroppedLetsGo() throws {
        do { _ = try open(folder.sub()) }
        let (_, recovery) = try open(folder.sub())
        #expect(!recovery.isNew)
    }

    /// flock(1) is another process, and stands for a second node.
    @Test func anotherProcessIsKeptOut() async throws {
        let (log, _) = try open(folder.sub())
        #expect(try flock(folder.sub() + "/lock") == 1)
        await log.close()
        #expect(try flock(folder.sub() + "/lock") == 0)
    }

    private func flock(_ path: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        process.arguments = ["--nonblock", path, "true"]
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func placesThatAreNoFolder() throws {
        try Files.write([1], to: folder.sub("file"))
        for path in [folder.sub("file"), folder.sub("file/below"), "/proc/starling-cannot-be-here"] {
            let error = refusal(path)
            #expect(error?.code == .folder)
            #expect(error?.message.contains("--data-dir") == true)
        }
    }

    @Test mutating func anotherVersionIsLeftAlone() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, [3], &generator)
        await log.close()
        let path = Files.segments(of: folder.sub())[0]
        try Files.change(path) { bytes in
            bytes[8] = 9
            let checksum = CRC32C.checksum(of: Array(bytes[..<60]))
            for index in 0..<4 { bytes[60 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index))) }
        }
        let before = try Files.bytes(of: path)
        let error = refusal(folder.sub())
        #expect(error?.code == .unusable && error?.message.contains("format 9") == true)
        #expect(try Files.bytes(of: path) == before)
    }

    @Test mutating func segmentsOfTwoLogs() async throws {
        for (name, id) in [("one", firstLog), ("two", secondLog)] {
            let (log, _) = try open(folder.sub(name), id: id)
            try await fill(log, .init(repeating: 90, count: 9), &generator)
            await log.close()
        }
        let stray = Files.segments(of: folder.sub("two"))[1]
        Files.copy(stray, to: folder.sub("one") + "/log/00000000000000009999.segment")
        let renamed = refusal(folder.sub("one"))
        #expect(renamed?.code == .unusable && renamed?.message.contains("renamed") == true)
        try FileManager.default.removeItem(atPath: folder.sub("one") + "/log/00000000000000009999.segment")

        let name = URL(fileURLWithPath: stray).lastPathComponent
        try? FileManager.default.removeItem(atPath: folder.sub("one") + "/log/" + name)
        Files.copy(stray, to: folder.sub("one") + "/log/" + name)
        let mixed = refusal(folder.sub("one"))
        #expect(mixed?.code == .unusable && mixed?.message.contains("another log") == true)
    }

    @Test mutating func noReadableHeader() async throws {
        let (log, _) = try open(folder.sub())
        try await fill(log, [3], &generator)
        await log.close()
        try Files.change(Files.segments(of: folder.sub())[0]) { $0[0] ^= 1 }
        let error = refusal(folder.sub())
        #expect(error?.code == .unusable && error?.message.contains("move it away") == true)
    }

    @Test mutating func filesOfOthersAreLeftAlone() async throws {
        let (log, _) = try open(folder.sub())
        let records = try await fill(log, [3], &generator)
        await log.close()
        for name in ["notes.txt", "1.segment", "0000000000000000000x.segment", "99999999999999999999.segment"] {
            try Files.write([1, 2, 3], to: folder.sub() + "/log/" + name)
        }
        try Files.write([1, 2, 3], to: folder.sub() + "/log/new.tmp")
        let (again, recovery) = try open(folder.sub())
        #expect(recovery.isClean && recovery.segments == 1)
        #expect(try await contents(of: again).records == records)
        #expect(Files.names(in: folder.sub() + "/log").count == 6, "only what was never finished is removed")
        await again.close()
    }
}
