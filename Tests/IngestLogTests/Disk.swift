import Glibc
import IngestLog
import Synchronization

/// The real calls with a hook before each, and faults to order.
final class Disk: Sendable {
    enum Call: Hashable, Sendable { case write, read, sync, syncAll, allocate, truncate, rename, unlink }

    /// A call about to be made.
    struct Event: Sendable {
        let call: Call
        var descriptor: Int32 = -1
        /// The bytes of the file it is about.
        var bytes: Range<UInt64> = 0..<0
    }

    struct Faults: Sendable {
        /// Answers of the next calls of a kind: an error number each, 0 for "do it".
        var next: [Call: [Int32]] = [:]
        /// Answer of every call of a kind.
        var always: [Call: Int32] = [:]
        /// A write takes at most so many bytes.
        var writeBytesMax = Int.max
        /// Reads that touch these bytes of a file fail with EIO.
        var unreadable: Range<UInt64>?
    }

    let faults = Mutex(Faults())
    let counts = Mutex<[Call: Int]>([:])
    private let before: @Sendable (Event) -> Void

    init(before: @escaping @Sendable (Event) -> Void = { _ in }) {
        self.before = before
    }

    func set(_ change: @Sendable (inout Faults) -> Void) {
        faults.withLock { change(&$0) }
    }

    private func answer(_ event: Event) -> Int32 {
        before(event)
        let call = event.call
        counts.withLock { $0[call, default: 0] += 1 }
        return faults.withLock { faults in
            if let number = faults.always[call] { return number }
            guard var numbers = faults.next[call], !numbers.isEmpty else { return 0 }
            let number = numbers.removeFirst()
            faults.next[call] = numbers
            return number
        }
    }

    var calls: FileCalls {
        let system = FileCalls.system
        var calls = system
        calls.write = { descriptor, bytes, offset in
            let most = min(bytes.count, self.faults.withLock { $0.writeBytesMax })
            let place = offset..<(offset + UInt64(most))
            let answer = self.answer(Event(call: .write, descriptor: descriptor, bytes: place))
            if answer != 0 { return -Int(answer) }
            return system.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<most]), offset)
        }
        calls.read = { descriptor, bytes, offset in
            let answer = self.answer(Event(call: .read, descriptor: descriptor))
            if answer != 0 { return -Int(answer) }
            let unreadable = self.faults.withLock { $0.unreadable }
            if let unreadable, unreadable.overlaps(offset..<(offset + UInt64(bytes.count))) { return -Int(EIO) }
            return system.read(descriptor, bytes, offset)
        }
        calls.sync = { descriptor in self.checked(.sync, descriptor) { system.sync(descriptor) } }
        calls.syncAll = { descriptor in self.checked(.syncAll, descriptor) { system.syncAll(descriptor) } }
        calls.allocate = { descriptor, offset, bytes in
            self.checked(.allocate, descriptor) { system.allocate(descriptor, offset, bytes) }
        }
        calls.truncate = { descriptor, bytes in
            self.checked(.truncate, descriptor) { system.truncate(descriptor, bytes) }
        }
        calls.rename = { from, to in self.checked(.rename) { system.rename(from, to) } }
        calls.unlink = { path in self.checked(.unlink) { system.unlink(path) } }
        return calls
    }

    private func checked(_ call: Call, _ descriptor: Int32 = -1, _ body: () -> Int32) -> Int32 {
        let answer = answer(Event(call: call, descriptor: descriptor))
        return answer == 0 ? body() : answer
    }
}
