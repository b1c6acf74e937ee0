import Foundation
import LogHandlers
import Logging
import Synchronization
import Telemetry
import Testing

@Suite struct LogLineTests {
    private func record(_ message: String, _ metadata: Logger.Metadata = [:], level: Logger.Level = .info) -> LogRecord
    {
        LogRecord(
            time: Instant(microseconds: 1_384_441_445_000_000), level: level, label: "starling.node", message: message,
            metadata: metadata)
    }

    @Test func aJSONLineIsOneObjectWithSortedMetadata() {
        let line = JSONLine.bytes(record("started", ["b": "2", "a": ["x", ["k": "v"]], "n": .stringConvertible(7)]))
        #expect(
            String(decoding: line, as: UTF8.self)
                == #"{"time":"2013-11-14T15:04:05.000Z","level":"info","logger":"starling.node","message":"started","#
                + #""metadata":{"a":["x",{"k":"v"}],"b":"2","n":"7"}}"# + "\n")
    }

    @Test(arguments: [
        "plain", "", "quote \" backslash \\", "line\nbreak\r\n\ttab", "\u{0}\u{1}\u{1F}\u{7F}\u{85}\u{2028}\u{2029}",
        "🌱 Gewächs 温度",
        "e\u{301}", "\u{10FFFF}", "</script>",
    ])
    func anyTextSurvivesJSONOnOneLine(text: String) throws {
        let line = JSONLine.bytes(record(text, [text + "k": "\(text)"]))
        #expect(line.count { $0 == 0x0A } == 1 && line.last == 0x0A)
        #expect(!line.contains { $0 < 0x20 && $0 != 0x0A })
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect((object["message"] as? String)?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        let metadata = try #require(object["metadata"] as? [String: String])
        #expect(metadata[text + "k"]?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
    }

    @Test func treesThatAreTooDeepBecomeOneText() throws {
        var value: Logger.MetadataValue = "leaf"
        for _ in 0..<1000 { value = ["k": value] }
        let line = JSONLine.bytes(record("deep", ["tree": value]))
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line)) }
    }

    @Test func aTextLineIsPlainElsewhereAndColouredOnATerminal() {
        let record = record("started", ["port": "80", "why": "so it is"], level: .warning)
        #expect(
            TextLine.text(record, isTerminal: false)
                == "2013-11-14T15:04:05.000Z WARNING  started port=80 why=\"so it is\"\n")
        #expect(TextLine.text(record, isTerminal: true).contains("\u{1B}[33mWARNING"))
    }

    @Test func aMessageCannotForgeALineOrMoveTheCursor() {
        let text = TextLine.text(record("a\n2026 INFO forged\u{1B}[2J", ["k\r": "v\n"]), isTerminal: false)
        #expect(text.count { $0.isNewline } == 1)
        #expect(!text.contains("\u{1B}"))
    }

    @Test func theHandlerJoinsItsOwnTheProvidedAndTheEventsMetadata() {
        let lines = Mutex<[String]>([])
        var logger = Logger(label: "x") { label in
            LineLogHandler(label: label, level: .info, form: .text(isTerminal: false)) { bytes in
                lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) }
            }
        }
        logger[metadataKey: "a"] = "own"
        logger.info("said", metadata: ["a": "event", "b": "2"])
        logger.debug("too fine to be seen")
        let seen = lines.withLock { $0 }
        #expect(seen.count == 1)
        #expect(seen.first?.hasSuffix("INFO     said a=event b=2\n") == true)
    }
}
