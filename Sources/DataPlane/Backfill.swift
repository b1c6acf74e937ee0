import LogFormat
import Ports
import Telemetry

/// The gap between the row and what memory knows, read in log order. Every verdict on it is in the log: entries are
/// forgotten only then.
///
/// Verdicts always stand behind the readings they are about, so each is hung onto its batch as it is read; what can be
/// stored is then a prefix whose end only moves forward, however often it is asked for.
struct Backfill: Hashable, Sendable {
    /// Where to read on.
    private(set) var next: IngestCore.ReadStart
    private(set) var isReading = false
    /// The last read reached the end of the log: nothing before `covers` will still be found.
    var isAtEnd = false
    /// How far the gap reached when the last read was ordered.
    private(set) var covers = LogPosition.start
    private var batches: [Batch] = []
    /// Batches before it are stored already.
    private var head = 0
    /// Batches from `head` to here are ready to be stored.
    private var readyEnd = 0
    private(set) var readyReadings = 0

    private struct Batch: Hashable, Sendable {
        let position: LogPosition
        let readings: ReadingBatch
        var verdicts: VerdictBatch?

        var end: LogPosition { position + readings.count }
    }

    init(from position: LogPosition) {
        next = .position(position)
    }

    mutating func order(upTo target: LogPosition) -> IngestCore.ReadStart {
        isReading = true
        covers = target
        return next
    }

    mutating func take(_ records: [LogRecord], next: LogCursor, isAtEnd: Bool) {
        isReading = false
        self.next = .cursor(next)
        self.isAtEnd = isAtEnd
        for record in records {
            switch record {
            case .readings(let position, let readings):
                guard batches.last.map({ $0.position < position }) ?? true else { continue }
                batches.append(Batch(position: position, readings: readings))
            case .verdicts(let position, let verdicts):
                hang(verdicts, at: position)
            }
        }
    }

    private mutating func hang(_ verdicts: VerdictBatch, at position: LogPosition) {
        let end = position + verdicts.count
        var index = batches[head...].partitionPoint { $0.position < position }
        while index < batches.count, batches[index].end <= end {
            let offset = Int(batches[index].position - position)
            batches[index].verdicts = verdicts.slice(offset..<(offset + batches[index].readings.count))
            index += 1
        }
    }

    /// Moves the end of what is ready: up to `target`, and until it holds `readingsMax` readings.
    ///
    /// At the log's end, readings whose verdict record was damaged are `unscored`: judging them again could change what
    /// somebody has seen.
    mutating func advance(from position: LogPosition, to target: LogPosition, readingsMax: Int) {
        while readyEnd == head, head < batches.count, batches[head].end <= position {
            head += 1
            readyEnd = head
        }
        while readyEnd < batches.count, readyReadings < readingsMax, batches[readyEnd].position < target,
            batches[readyEnd].verdicts != nil || isAtEnd
        {
            readyReadings += batches[readyEnd].readings.count
            readyEnd += 1
        }
    }

    /// Nothing before `target` is left beyond what is ready. A batch behind the target proves it as well as the end of
    /// the log does, since batches come in order.
    func isExhausted(before target: LogPosition) -> Bool {
        readyEnd < batches.count ? batches[readyEnd].position >= target : isAtEnd
    }

    mutating func takeReady() -> [ScoredBatch] {
        let ready = batches[head..<readyEnd].map { batch in
            ScoredBatch(
                position: batch.position, readings: batch.readings,
                verdicts: batch.verdicts ?? VerdictBatch(repeating: .unscored, count: batch.readings.count))
        }
        batches.removeFirst(readyEnd)
        head = 0
        readyEnd = 0
        readyReadings = 0
        return ready
    }
}
