import HTTPTypes
import Synchronization

/// Hands out request ids: a tag of this process and a count, fifteen characters, which a Swift string holds without
/// an allocation.
final class RequestIDs: Sendable {
    private let tag: UInt64
    private let next = Atomic<UInt64>(0)

    init() {
        tag = UInt64.random(in: 0...UInt64.max)
    }

    /// The client's own id if it is sane (a short token), else a new one.
    func id(for headers: HTTPFields) -> String {
        id(given: headers[.requestID])
    }

    func id(given: String?) -> String {
        if let given, Self.isSane(given) { return given }
        return fresh()
    }

    func fresh() -> String {
        let count = next.wrappingAdd(1, ordering: .relaxed).newValue
        let tagDigits = 6
        let length = 15
        return String(unsafeUninitializedCapacity: length) { bytes in
            for position in 0..<length {
                let nibble =
                    position < tagDigits
                    ? tag >> UInt64(position * 4) : count >> UInt64((length - 1 - position) * 4)
                let digit = UInt8(truncatingIfNeeded: nibble & 0xF)
                bytes[position] = digit < 10 ? 0x30 + digit : 0x57 + digit
            }
            return length
        }
    }

    static func isSane(_ id: String) -> Bool {
        let count = id.utf8.count
        guard count >= 1, count <= HTTPLimits.requestIDBytesMax else { return false }
        return id.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x3A: true
            default: false
            }
        }
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name(unchecked: "X-Request-Id")
    static let partial = HTTPField.Name(unchecked: "X-Starling-Partial")
    static let lastEventID = HTTPField.Name(unchecked: "Last-Event-ID")
    /// Tells nginx, and others that took it over, to pass on what comes when it comes.
    static let accelBuffering = HTTPField.Name(unchecked: "X-Accel-Buffering")
    static let forwardedProto = HTTPField.Name(unchecked: "X-Forwarded-Proto")
    static let secFetchSite = HTTPField.Name(unchecked: "Sec-Fetch-Site")
    static let frameOptions = HTTPField.Name(unchecked: "X-Frame-Options")
    static let referrerPolicy = HTTPField.Name(unchecked: "Referrer-Policy")

    /// For names that are tokens as everyone can see.
    private init(unchecked name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = field
    }
}
