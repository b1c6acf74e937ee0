package import ClusterKeys
import Crypto
import Foundation

/// What a sealed datagram looks like:
///
///     kind 1 · session 8 · counter 5 · AES-GCM of the rest · its tag 16
///
/// The session is drawn when a sender starts; its key is derived from the cluster's and the session. The counter grows
/// with every datagram and is the nonce, so no nonce is used twice under a key. What stands before the ciphertext is
/// authenticated with it.
///
/// What this does not do: it hides neither who speaks to whom nor how much, and whoever kept a datagram of a sender that
/// is long gone can have it opened again. Membership takes old news for what they are.
enum SealedForm {
    /// The high bit tells a sealed datagram from the version of a clear one; the rest is this format's version.
    static let kind: UInt8 = 0x81
    static let sealedBit: UInt8 = 0x80
    static let sessionBytesCount = 8
    static let counterBytesCount = 5
    static let tagBytesCount = 16
    static let headerBytesCount = 1 + sessionBytesCount + counterBytesCount
    static let overheadBytesCount = headerBytesCount + tagBytesCount
    /// A sender that came so far draws a new session. At a thousand datagrams a second it takes 34 years.
    static let counterMax: UInt64 = (1 << 40) - 1
    static let purpose = "gossip datagrams"

    static func nonce(_ counter: UInt64) throws -> AES.GCM.Nonce {
        var bytes = [UInt8](repeating: 0, count: 12)
        for place in 0..<8 { bytes[11 - place] = UInt8(truncatingIfNeeded: counter >> UInt64(8 * place)) }
        return try AES.GCM.Nonce(data: bytes)
    }
}

/// Seals what a node sends, with the first key of its ring.
package struct DatagramSealer: Sendable {
    private let keys: KeyRing
    private var session: [UInt8] = []
    private var sessionKey: SymmetricKey
    private var counter: UInt64

    /// - Parameter firstCounter: tests begin near the end.
    package init(_ keys: KeyRing, using random: inout some RandomNumberGenerator, firstCounter: UInt64 = 0) {
        self.keys = keys
        counter = firstCounter
        session = Self.drawSession(&random)
        sessionKey = keys.sealing.derived(salt: session, purpose: SealedForm.purpose)
    }

    private static func drawSession(_ random: inout some RandomNumberGenerator) -> [UInt8] {
        (0..<SealedForm.sessionBytesCount).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    package mutating func seal(_ plain: [UInt8], using random: inout some RandomNumberGenerator) throws -> [UInt8] {
        if counter > SealedForm.counterMax {
            session = Self.drawSession(&random)
            sessionKey = keys.sealing.derived(salt: session, purpose: SealedForm.purpose)
            counter = 0
        }
        let count = counter
        counter += 1
        var sealed: [UInt8] = [SealedForm.kind]
        sealed.reserveCapacity(plain.count + SealedForm.overheadBytesCount)
        sealed += session
        for place in (0..<SealedForm.counterBytesCount).reversed() {
            sealed.append(UInt8(truncatingIfNeeded: count >> UInt64(8 * place)))
        }
        let box = try AES.GCM.seal(
            plain, using: sessionKey, nonce: SealedForm.nonce(count), authenticating: sealed)
        sealed += box.ciphertext
        sealed += box.tag
        return sealed
    }
}

/// Opens what others sealed, with any key of this node's ring, each datagram once.
package struct DatagramOpener: Sendable {
    private struct Session {
        let key: SymmetricKey
        var window: ReplayWindow
        var lastHeard: UInt64
    }

    private let keys: KeyRing
    private let sessionsMax: Int
    private var sessions: [UInt64: Session] = [:]
    private var openedCount: UInt64 = 0

    package init(_ keys: KeyRing, sessionsMax: Int = GossipLimits.sessionsMax) {
        self.keys = keys
        self.sessionsMax = max(1, sessionsMax)
    }

    package var sessionsCount: Int { sessions.count }

    package mutating func open(_ bytes: [UInt8]) throws(DatagramRefusal) -> [UInt8] {
        guard let first = bytes.first else { throw .malformed }
        guard first & SealedForm.sealedBit != 0 else { throw .clear }
        guard first == SealedForm.kind else { throw .otherVersion }
        guard bytes.count > SealedForm.overheadBytesCount else { throw .malformed }
        let salt = bytes[1...SealedForm.sessionBytesCount]
        let id = salt.reduce(0) { $0 << 8 | UInt64($1) }
        let counter = bytes[(1 + SealedForm.sessionBytesCount)..<SealedForm.headerBytesCount]
            .reduce(0) { $0 << 8 | UInt64($1) }
        openedCount += 1
        if let known = sessions[id] {
            guard known.window.isNew(counter) else { throw .replay }
            guard let plain = Self.open(bytes, counter, with: known.key) else { throw .wrongKey }
            _ = sessions[id]?.window.take(counter)
            sessions[id]?.lastHeard = openedCount
            return plain
        }
        for ringKey in keys.keys {
            let key = ringKey.derived(salt: salt, purpose: SealedForm.purpose)
            guard let plain = Self.open(bytes, counter, with: key) else { continue }
            remember(id, Session(key: key, window: ReplayWindow(first: counter), lastHeard: openedCount))
            return plain
        }
        throw .wrongKey
    }

    private static func open(_ bytes: [UInt8], _ counter: UInt64, with key: SymmetricKey) -> [UInt8]? {
        let tagStart = bytes.count - SealedForm.tagBytesCount
        guard let nonce = try? SealedForm.nonce(counter),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: bytes[SealedForm.headerBytesCount..<tagStart], tag: bytes[tagStart...]),
            let plain = try? AES.GCM.open(
                box, using: key, authenticating: bytes[..<SealedForm.headerBytesCount])
        else { return nil }
        return [UInt8](plain)
    }

    /// Only who holds a key of the ring comes so far: a stranger cannot push others out.
    private mutating func remember(_ id: UInt64, _ session: Session) {
        if sessions.count >= sessionsMax,
            let oldest = sessions.min(by: { $0.value.lastHeard < $1.value.lastHeard })?.key
        {
            sessions[oldest] = nil
        }
        sessions[id] = session
    }
}
