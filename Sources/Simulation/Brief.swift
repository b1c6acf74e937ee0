import DataPlane
import HashRing
import LogFormat
import Ports
import Telemetry

/// A line's worth of an event, for people who read a trace.
extension IngestCore.Event {
    var brief: String {
        switch self {
        case .started(let log): "started \(log.base)..<\(log.end)"
        case .offered(let offers): "offered \(offers.map { "\($0.batch.count)" }.joined(separator: "+"))"
        case .appended(let number): "appended \(number.number)"
        case .appendFailed(let number, let failure): "appendFailed \(number.number) \(failure)"
        case .ring(let ring): "ring \(ring.owners)"
        case .scored(let number, let answer):
            "scored \(number.number) (\(answer.verdicts.count))\(answer.moved.map { " moved \($0.slot.number) to \($0.owner)" }.joined())"
        case .callFailed(let number, let failure): "callFailed \(number.number) \(failure)"
        case .committed(let row): "committed to \(row.position)"
        case .checkpoint(let row): row.map { "row at \($0.position) of \($0.accepted) by \($0.writer)" } ?? "no row"
        case .logRead(let purpose, let records, _, let isAtEnd):
            "read for \(purpose): \(records.map(\.brief).joined(separator: " "))\(isAtEnd ? ", the end" : "")"
        case .retired(let log): "retired \(log.base)..<\(log.end)"
        default: "\(self)"
        }
    }
}

extension IngestCore.Effect {
    var brief: String {
        switch self {
        case .append(let number, let records):
            "append \(number.number) \(records.map(\.brief).joined(separator: " "))"
        case .acknowledge(let requests): "202 to \(requests.count)"
        case .refuse(let requests, let error): "refuse \(requests.count) \(error)"
        case .call(let owner, let call):
            "call \(call.number.number) \(owner) (\(call.positions.map { "\($0)" }.joined(separator: " ")))"
        case .commit(let transaction): "commit \(transaction.start)..<\(transaction.end)"
        case .claim(_, let from, _): "claim from \(from)"
        case .register: "register"
        case .readCheckpoint: "read the row"
        case .readLog(let purpose, _, let start): "read for \(purpose) from \(start)"
        case .trim(_, let position): "trim \(position)"
        case .retire(_, let reason): "retire: \(reason)"
        }
    }
}

extension SlotCore.Event {
    var brief: String {
        switch self {
        case .score(let ticket, let call, let part):
            "score \(ticket.number) (\(part.readings.map { "\(Int(call.values[$0]))" }.joined(separator: " ")))"
        case .warmed(let rows, let tombstones): "warmed \(rows.count), \(tombstones.count)"
        case .pulled(let gift, let owner): "pulled \(gift.brief) from \(owner)"
        case .pullRequested(let ticket, let owner): "pull \(ticket.number) by \(owner)"
        default: "\(self)"
        }
    }
}

extension SlotCore.Effect {
    var brief: String {
        switch self {
        case .warm: "warm"
        case .pull(_, let owner): "pull from \(owner)"
        case .offer(_, let owner): "offer to \(owner)"
        case .give(let ticket, let gift): "give \(ticket.number) \(gift.brief)"
        case .reply(let ticket, _, let verdicts): "reply \(ticket.number) (\(verdicts.count))"
        case .refuse(let ticket, _): "refuse \(ticket.number)"
        case .moved(let ticket, _, let owner): "moved \(ticket.number) to \(owner)"
        case .silenceEnded(let end): "heard \(end.series) again"
        }
    }
}

extension SlotCore.Gift {
    var brief: String {
        let series = state.map { "\($0.series.count) series" } ?? "nothing"
        return passedOn.map { "\(series), passed on to \($0)" } ?? series
    }
}

extension LogRecord {
    /// Positions, and of readings the numbers of the first and the last.
    var brief: String {
        switch self {
        case .readings(_, let batch):
            "r\(position)..<\(end)[\(batch.values.first.map { "\(Int($0))" } ?? "")...\(batch.values.last.map { "\(Int($0))" } ?? "")]"
        case .verdicts: "v\(position)..<\(end)"
        }
    }
}
