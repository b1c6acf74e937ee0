package import Crypto
import Foundation
import NIOCore

/// The key of one direction of one connection, and the count of frames, which is the nonce: it never repeats under a
/// key, and a frame that was left out, repeated or moved does not open.
package struct FrameSealing: Sendable {
    private var key: SymmetricKey
    private var count: UInt64 = 0
    private let framesPerKey: UInt64

    package init(key: SymmetricKey, framesPerKey: UInt64 = PeerLimits.framesPerKey) {
        self.key = key
        self.framesPerKey = framesPerKey
    }

    /// Appends the payload sealed, with its tag; `header` is authenticated with it.
    mutating func seal(
        _ payload: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, into buffer: inout ByteBuffer
    ) throws(FrameError) {
        do {
            // First, because it may change the key.
            let nonce = try nextNonce()
            let box = try AES.GCM.seal(payload, using: key, nonce: nonce, authenticating: header)
            buffer.writeBytes(box.ciphertext)
            buffer.writeBytes(box.tag)
        } catch {
            throw .badSeal
        }
    }

    mutating func open(
        _ sealed: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer
    ) throws(FrameError) -> ByteBuffer {
        guard sealed.count >= FrameHeader.tagBytes else { throw .badSeal }
        let split = sealed.count - FrameHeader.tagBytes
        do {
            let nonce = try nextNonce()
            let box = try AES.GCM.SealedBox(
                nonce: nonce, ciphertext: UnsafeRawBufferPointer(rebasing: sealed[..<split]),
                tag: UnsafeRawBufferPointer(rebasing: sealed[split...]))
            return ByteBuffer(bytes: try AES.GCM.open(box, using: key, authenticating: header))
        } catch {
            throw .badSeal
        }
    }

    /// Both sides count alike, so they also change the key at the same frame.
    private mutating func nextNonce() throws -> AES.GCM.Nonce {
        if count == framesPerKey {
            key = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: key, info: Data("starling next frames".utf8), outputByteCount: 32)
            count = 0
        }
        var bytes = [UInt8](repeating: 0, count: 12)
        withUnsafeBytes(of: count.littleEndian) { raw in
            for index in 0..<raw.count { bytes[4 + index] = raw[index] }
        }
        count += 1
        return try AES.GCM.Nonce(data: bytes)
    }
}
