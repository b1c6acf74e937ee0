import HTTPTypes
import NIOCore
import ReadingFormats

/// Bodies of `application/json` beside those of `POST /data`: read whole, gzip or not.
extension Handlers {
    func jsonBody(_ call: Call, bytesMax: Int) async throws -> ByteBuffer {
        guard let type = call.headers[.contentType], MediaType.isEssence(MediaType.json, of: type) else {
            throw Problem(kind: .mediaType, detail: "send Content-Type: application/json")
        }
        let isPacked = try Self.isPacked(call.headers)
        let tooLarge = Problem(kind: .tooLarge, detail: "this body has at most \(bytesMax >> 10) KiB")
        guard isPacked else { return try await wholeBody(call, bytesMax: bytesMax, tooLarge: tooLarge) }
        try begin(call, bytesMax: bytesMax, tooLarge: tooLarge)
        return ByteBuffer(bytes: try await unpacked(call.body, bytesMax: bytesMax, tooLarge: tooLarge))
    }

    private func begin(_ call: Call, bytesMax: Int, tooLarge: Problem) throws(Problem) {
        if let announced = call.body.announcedCount, announced > bytesMax { throw tooLarge }
        call.continueIfExpected()
    }

    /// The body as it comes.
    func wholeBody(_ call: Call, bytesMax: Int, tooLarge: Problem) async throws -> ByteBuffer {
        try begin(call, bytesMax: bytesMax, tooLarge: tooLarge)
        var bytes = ByteBuffer()
        try await call.body.forEach { part in
            guard bytes.readableBytes + part.readableBytes <= bytesMax else { throw tooLarge }
            bytes.writeBuffer(&part)
        }
        return bytes
    }

    static func isPacked(_ headers: HTTPFields) throws(Problem) -> Bool {
        guard let coding = headers[.contentEncoding] else { return false }
        if MediaType.isEssence("identity", of: coding) { return false }
        if MediaType.isEssence("gzip", of: coding) || MediaType.isEssence("x-gzip", of: coding) { return true }
        throw Problem(
            kind: .mediaType, detail: "the only Content-Encoding taken is gzip", headers: [.acceptEncoding: "gzip"])
    }

    /// Unpacks part by part, so that a small body that swells is stopped at the limit, not after it.
    func unpacked(
        _ body: RequestBodyReader, bytesMax: Int, tooLarge: Problem
    ) async throws -> [UInt8] {
        let decoder = GzipDecoder(limitBytes: bytesMax)
        var unpacked: [UInt8] = []
        do {
            try await body.forEach { part in
                try part.withUnsafeReadableBytes { try decoder.decode($0, into: &unpacked) }
            }
            try decoder.finish()
        } catch let error as GzipError {
            if case .tooLarge = error { throw tooLarge }
            throw Problem.badRequest(error.description)
        }
        return unpacked
    }
}
