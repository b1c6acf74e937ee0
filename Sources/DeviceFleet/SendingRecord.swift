import Glibc
import Synchronization
import Telemetry

/// What a fleet did, for whoever wants to compare it with what is stored: a line a reading in a file that is only appended
/// to, `sent` before the reading goes out and `accepted` after a server took it.
///
/// A line is `word TAB device TAB type TAB time TAB value`: the time in microseconds since 1970, the value as Swift prints
/// it, which reads back exactly. What went out again stands there again.
package final class SendingRecord: Sendable {
    package enum Word: String, Sendable {
        case sent
        case accepted
    }

    private let path: String
    private let descriptor: Int32
    /// Held while lines are written, so that those of two devices do not mix.
    private let turn = Mutex(())

    /// Makes the file, or goes on at its end.
    package init(_ path: String) throws(SendingRecordError) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SendingRecordError("cannot open", path, errno) }
    }

    deinit { close(descriptor) }

    func note(
        _ word: Word, device: DeviceID, metrics: [Metric], messages: some Collection<DeviceMessage>
    ) throws(SendingRecordError) {
        var text = ""
        for message in messages {
            for (metric, value) in zip(metrics, message.values) {
                text += "\(word.rawValue)\t\(device)\t\(metric)\t\(message.time.microseconds)\t\(value)\n"
            }
        }
        var rest = Array(text.utf8)[...]
        let number: Int32 = turn.withLock { _ in
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno != EINTR { return errno }
                rest = rest.dropFirst(max(0, count))
            }
            return 0
        }
        guard number == 0 else { throw SendingRecordError("cannot write", path, number) }
    }
}

/// A record that is not whole is none: the run stops.
package struct SendingRecordError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ what: String, _ path: String, _ number: Int32) {
        description = "\(what) the record \(path): \(String(cString: strerror(number)))"
    }
}
