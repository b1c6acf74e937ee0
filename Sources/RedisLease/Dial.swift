import Glibc

/// Why no address of the server could be connected to: that of the last one.
struct DialError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(number: Int32) { description = String(cString: strerror(number)) }
}

/// Connects to a server: address by address, each with its share of the time, so that one that is silent does not take
/// all of it.
enum Dial {
    /// - Returns: a connected socket that does not block.
    static func connect(
        _ places: [ServerPlace], until deadline: ContinuousClock.Instant
    ) throws(DialError) -> Descriptor {
        var last = DialError("it has no address")
        for (index, place) in places.enumerated() {
            let now = ContinuousClock.now
            let share = now.duration(to: deadline) / (places.count - index)
            do throws(DialError) {
                return try connect(place, until: now + share)
            } catch {
                last = error
            }
        }
        throw last
    }

    private static func connect(
        _ place: ServerPlace, until deadline: ContinuousClock.Instant
    ) throws(DialError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(place.family, kind, 0)
        guard number >= 0 else { throw DialError(number: errno) }
        let made = Descriptor(number)
        let result = place.bytes.withUnsafeBytes { bytes -> Int32 in
            guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return Glibc.connect(number, address, socklen_t(bytes.count))
        }
        if result != 0 {
            guard errno == EINPROGRESS || errno == EINTR else { throw DialError(number: errno) }
            switch Poll.wait(number, for: POLLOUT, until: deadline) {
            case .ready: break
            case .late: throw DialError("no connection in time")
            case .failed(let code): throw DialError(number: code)
            }
        }
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length) == 0 else { throw DialError(number: errno) }
        guard code == 0 else { throw DialError(number: code) }
        // A command is one small packet, and its asker waits.
        var yes: Int32 = 1
        setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, length)
        return made
    }
}
