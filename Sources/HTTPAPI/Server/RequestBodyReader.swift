import HTTPTypes
import Hummingbird
import NIOCore

/// The body of one request, read once, in order: first by the handler, then, after an early answer, to throw the rest
/// away.
///
/// Unchecked because the iterator beneath is not `Sendable`: one request is served by one task, the closure that
/// writes its answer included, so nobody else ever touches it.
final class RequestBodyReader: @unchecked Sendable {
    /// What reading failed with: the connection's affair, not an error of the handler.
    struct Failure: Error {
        let underlying: any Error
    }

    private var iterator: RequestBody.AsyncIterator?
    private let body: RequestBody
    private let declaredCount: Int?
    private var receivedCount = 0
    private(set) var isAtEnd: Bool
    /// Of nobody who may send one: little of it is read, that the answer is seen.
    var isOfStranger = false

    init(_ request: Request) {
        body = request.body
        declaredCount = request.headers[.contentLength].flatMap { Int($0) }
        isAtEnd = declaredCount == 0 || (declaredCount == nil && request.headers[.transferEncoding] == nil)
    }

    /// What the client said it would send; nil if it did not say.
    var announcedCount: Int? { declaredCount }

    func next() async throws(Failure) -> ByteBuffer? {
        if isAtEnd { return nil }
        if iterator == nil { iterator = body.makeAsyncIterator() }
        do {
            guard let part = try await iterator?.next() else {
                isAtEnd = true
                return nil
            }
            receivedCount += part.readableBytes
            // Saves waiting for the end marker, which the server's own loop reads anyway.
            if receivedCount == declaredCount { isAtEnd = true }
            return part
        } catch {
            isAtEnd = true
            throw Failure(underlying: error)
        }
    }

    /// Hands every part to `take` until the end, the size limit, or the time limit.
    func forEach(_ take: (inout ByteBuffer) throws -> Void) async throws {
        if let announcedCount, announcedCount > HTTPLimits.bodyBytesMax { throw Problem.bodyTooLarge }
        var deadline: ContinuousClock.Instant?
        while var part = try await next() {
            if receivedCount > HTTPLimits.bodyBytesMax { throw Problem.bodyTooLarge }
            try take(&part)
            if isAtEnd { return }
            // Most bodies are whole in their first part: only the others pay for the clock.
            let now = ContinuousClock.now
            guard let end = deadline else {
                deadline = now.advanced(by: .seconds(HTTPLimits.bodySecondsMax))
                continue
            }
            if now > end { throw Problem.bodyTooSlow }
        }
    }

    func collect() async throws -> ByteBuffer {
        var collected: ByteBuffer?
        try await forEach { part in
            if collected == nil { collected = part } else { collected?.writeBuffer(&part) }
        }
        return collected ?? ByteBuffer()
    }

    /// Reads and throws away, within the limits. The channel's own loop keeps the time: closing the channel wakes a
    /// reader that waits for a client that says nothing more.
    func discard(on channel: any Channel) async {
        let seconds = isOfStranger ? HTTPLimits.strangerSecondsMax : HTTPLimits.discardSecondsMax
        let bytesMax = isOfStranger ? HTTPLimits.strangerBytesMax : HTTPLimits.discardedBytesMax
        let limit = channel.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) {
            channel.close(promise: nil)
        }
        defer { limit.cancel() }
        var discarded = 0
        while let part = try? await next() {
            discarded += part.readableBytes
            if discarded > bytesMax { return }
        }
    }
}

extension Problem {
    static let bodyTooLarge = Problem(
        kind: .tooLarge, detail: "a body has at most \(HTTPLimits.bodyBytesMax >> 20) MiB, unpacked too: send parts")
    static let bodyTooSlow = Problem(
        kind: .requestTimeout, detail: "the body did not come within \(HTTPLimits.bodySecondsMax) seconds")
}
