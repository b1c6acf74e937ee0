import CHiredis
import Glibc
import Ports

/// What the server answered, copied out of hiredis.
enum RedisReply: Hashable {
    case status(String)
    case integer(Int64)
    case null
    case other
}

/// One connection to the server. Not safe to share: its actor owns it.
///
/// hiredis writes commands and reads replies; this waits, so that a call has one deadline for all of its parts, and
/// sends, because hiredis's own sending raises SIGPIPE where the server has gone. After an error the connection is in
/// an unknown state: throw it away, and no late reply is ever taken for another's.
final class RedisLink {
    private let context: UnsafeMutablePointer<redisContext>
    private let address: RedisURL
    /// What is between hiredis and the server; nil if nothing is.
    private let tunnel: Tunnel?
    private var hasAnswered = false

    /// - Parameter connection: to the server; nothing has been said on it.
    init(
        _ address: RedisURL, over connection: consuming Descriptor, until deadline: ContinuousClock.Instant
    ) throws(LeaseKeeperError) {
        let end: Descriptor
        if address.isEncrypted {
            let tunnel = Tunnel(to: address)
            self.tunnel = tunnel
            do {
                end = try tunnel.open(over: connection, trusting: Trust.context(of: address))
            } catch {
                throw LeaseKeeperError("\(address): \(error)")
            }
        } else {
            tunnel = nil
            end = connection
        }
        guard let context = redisConnectFd(end.number) else {
            throw LeaseKeeperError("no memory for a connection to \(address)")
        }
        // hiredis closes it from now on, and must not wait on it.
        _ = end.handedOn()
        context.pointee.flags &= ~REDIS_BLOCK
        self.context = context
        self.address = address
        try introduce(until: deadline)
    }

    deinit { redisFree(context) }

    private func introduce(until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) {
        if let password = address.password {
            _ = try ask(["AUTH"] + (address.user.map { [$0] } ?? []) + [password], until: deadline)
        }
        if address.database != 0 { _ = try ask(["SELECT", "\(address.database)"], until: deadline) }
    }

    /// Sends a command and waits for its reply.
    func ask(_ words: [String], until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) -> RedisReply {
        try send(try command(words), until: deadline)
        for _ in 0..<RedisLimits.readsPerReplyMax {
            var reply: UnsafeMutableRawPointer?
            let result = redisGetReplyFromReader(context, &reply)
            if let reply {
                defer { freeReplyObject(reply) }
                hasAnswered = true
                return try copied(reply.assumingMemoryBound(to: redisReply.self).pointee)
            }
            guard result == REDIS_OK else { throw lost(contextError) }
            try wait(for: POLLIN, until: deadline)
            guard redisBufferRead(context) == REDIS_OK else { throw lost(contextError) }
        }
        throw lost("a reply that has no end: this is no Redis server")
    }

    private func copied(_ reply: redisReply) throws(LeaseKeeperError) -> RedisReply {
        func text() -> String {
            let bytes = UnsafeRawBufferPointer(start: reply.str, count: reply.len)
            return String(decoding: bytes.prefix(RedisLimits.shownBytesMax), as: UTF8.self)
        }
        switch reply.type {
        case REDIS_REPLY_STATUS: return .status(text())
        case REDIS_REPLY_INTEGER: return .integer(reply.integer)
        case REDIS_REPLY_NIL: return .null
        case REDIS_REPLY_ERROR: throw refused(text())
        default: return .other
        }
    }

    // MARK: Bytes

    private func command(_ words: [String]) throws(LeaseKeeperError) -> [UInt8] {
        let copies = words.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        var pointers = copies.map { UnsafePointer($0) }
        let lengths = words.map { $0.utf8.count }
        var target: UnsafeMutablePointer<CChar>?
        let count = redisFormatCommandArgv(&target, Int32(words.count), &pointers, lengths)
        guard count > 0, let target else { throw LeaseKeeperError("no memory for a command to \(address)") }
        defer { redisFreeCommand(target) }
        return [UInt8](UnsafeRawBufferPointer(start: target, count: Int(count)))
    }

    private func send(_ bytes: [UInt8], until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(context.pointee.fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, until: deadline)
            } else if errno != EINTR {
                throw lost(String(cString: strerror(errno)))
            }
        }
    }

    private func wait(for events: Int32, until deadline: ContinuousClock.Instant) throws(LeaseKeeperError) {
        switch Poll.wait(context.pointee.fd, for: events, until: deadline) {
        case .ready: return
        case .late: throw lost("no answer in time")
        case .failed(let code): throw lost(String(cString: strerror(code)))
        }
    }

    // MARK: Errors

    private var contextError: String {
        withUnsafeBytes(of: context.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func lost(_ why: String) -> LeaseKeeperError {
        if let told = tunnel?.failure { return LeaseKeeperError("\(address): \(told)") }
        // A server that waits for TLS ends the connection, or answers with what is no reply.
        let advice = tunnel == nil && !hasAnswered ? ", and write rediss:// if this is its port for TLS" : ""
        return LeaseKeeperError("\(address): \(why); see whether the server runs and can be reached from here\(advice)")
    }

    private func refused(_ text: String) -> LeaseKeeperError {
        let advice =
            switch text.prefix(while: { $0 != " " }) {
            case "WRONGPASS", "NOAUTH": "check user and password of the lease's address"
            case "NOPERM": "the user needs +set +eval +get +pexpire +del on the keys starling:*"
            case "READONLY": "this is a replica: name the primary"
            case "LOADING", "BUSY": "it will answer soon"
            default: "see the server's log"
            }
        return LeaseKeeperError("\(address) refused: \(text); \(advice)")
    }
}
