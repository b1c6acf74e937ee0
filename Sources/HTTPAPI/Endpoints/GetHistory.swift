import HTTPTypes
import NIOCore
import Ports
import Telemetry

/// `GET /history`: one series, to look at (reduced) or to take away (all of it).
extension Handlers {
    private struct Range {
        let series: Series
        let from: Instant
        let to: Instant
    }

    private static let defaultSpanMicroseconds: Int64 = 3_600_000_000

    func getHistory(_ call: Call) async throws -> Answer {
        let query = try call.query()
        let range = try range(of: query)
        let points = try query.integer("points", in: 1...HTTPLimits.pointsMax) ?? HTTPLimits.pointsDefault
        let offered = [MediaType.json, "text/csv", MediaType.ndjson]
        let type = MediaType.preferred(of: offered, by: call.headers[.accept])
        // The first page is asked for before anything is answered: an unknown series or a store that is away is an
        // error with its own status, not half an answer.
        var answer =
            switch type {
            case "text/csv": Answer(body: .stream(export(range, try await page(of: range, after: nil), as: .csv)))
            case MediaType.ndjson:
                Answer(body: .stream(export(range, try await page(of: range, after: nil), as: .ndjson)))
            default: Answer(json: try await reduced(range, points: points))
            }
        switch type {
        case "text/csv": answer.headers[.contentType] = MediaType.csv
        case MediaType.ndjson: answer.headers[.contentType] = MediaType.ndjson
        default: break
        }
        answer.headers[.vary] = "Accept"
        answer.headers[.cacheControl] = "no-store"
        return answer
    }

    private func range(of query: Query) throws(Problem) -> Range {
        guard let device = try query.device() else { throw .badParameter("device_id", "is missing") }
        guard let metric = try query.metric() else { throw .badParameter("type", "is missing") }
        let now = node.receiptTime()
        let from = try query.instant("from")
        let to = try query.instant("to")
        let start =
            from ?? min(now, to ?? now).advanced(byMicroseconds: -Self.defaultSpanMicroseconds)
        let end = to ?? max(start, now.advanced(byMicroseconds: Self.clockAheadMicrosecondsMax))
        guard start <= end else { throw .badParameter("from", "is later than to") }
        return Range(series: Series(device: device, metric: metric), from: start, to: end)
    }

    private func page(of range: Range, after: HistoryPoint?) async throws(Problem) -> [HistoryPoint] {
        do {
            return try await node.history(
                of: range.series, from: range.from, to: range.to, after: after, limit: HTTPLimits.historyPageMax)
        } catch {
            throw problem(of: error)
        }
    }

    /// Every page from `first` on, until one is short.
    @concurrent private func forEachPage(
        of range: Range, from first: [HistoryPoint], _ take: @concurrent ([HistoryPoint]) async throws -> Void
    ) async throws {
        var page = first
        while true {
            try await take(page)
            guard page.count >= HTTPLimits.historyPageMax, let last = page.last else { return }
            try Task.checkCancellation()
            page = try await self.page(of: range, after: last)
        }
    }

    // MARK: To look at

    private func outline(of range: Range, points: Int) async throws(Problem) -> [HistoryPoint]? {
        do {
            return try await node.outline(of: range.series, from: range.from, to: range.to, points: points)
        } catch {
            throw problem(of: error)
        }
    }

    private func reduced(_ range: Range, points: Int) async throws -> JSONWriter {
        var reducer = HistoryReducer(pointsMax: points)
        if let outline = try await outline(of: range, points: points) {
            for point in outline { reducer.add(point) }
        } else {
            try await forEachPage(of: range, from: try await page(of: range, after: nil)) { page in
                for point in page { reducer.add(point) }
            }
        }
        var json = JSONWriter(capacity: 16_384)
        json.object { json in
            json.key("device_id")
            json.value(range.series.device.text)
            json.key("type")
            json.value(range.series.metric.text)
            json.key("points")
            json.array(reducer.finish()) { $0.write($1) }
        }
        return json
    }

    // MARK: To take away

    private enum ExportFormat { case csv, ndjson }

    private func export(
        _ range: Range, _ first: [HistoryPoint], as format: ExportFormat
    ) -> @Sendable @concurrent (inout AnswerStream) async throws -> Void {
        { stream in
            var text = JSONWriter(capacity: 64 << 10)
            if format == .csv { text.writeLine("timestamp,value,score,result") }
            try await self.forEachPage(of: range, from: first) { page in
                for point in page {
                    switch format {
                    case .csv: text.writeCSV(point)
                    case .ndjson: text.writeNDJSON(point)
                    }
                }
                try await stream.write(text.takeBuffer())
            }
        }
    }
}

extension JSONWriter {
    mutating func write(_ point: HistoryPoint) {
        object { json in
            json.key("timestamp")
            json.value(point.time)
            json.key("value")
            json.value(point.value)
            json.key("score")
            json.value(point.score)
            json.key("result")
            json.value(point.result.name)
        }
    }

    mutating func writeNDJSON(_ point: HistoryPoint) {
        write(point)
        endLine()
    }

    /// Nothing in it ever needs quoting.
    mutating func writeCSV(_ point: HistoryPoint) {
        writeTime(point.time)
        writeRaw(",")
        writeNumber(point.value)
        writeRaw(",")
        writeNumber(point.score)
        writeRaw(",")
        writeLine(point.result.name)
    }
}
