package import LogFormat
package import Membership

/// Messages ⇄ datagrams.
///
///     version · flock · sender · digest of the sender's table · messages: body · count of rumors · rumors
///
/// Several messages of one sender and one table share a header. What is read comes from strangers: it throws and never
/// traps. What is written keeps to the limits, whatever it is given.
package enum Datagrams {
    /// Raised when a program of today could not read what is written. It is the first byte for ever.
    package static let version: UInt8 = 1

    /// In order, in as few datagrams as hold them.
    ///
    /// Rumors that do not fit behind a message are left out, from the end, where they are extras, and go on in another
    /// datagram where they are the message (`gossip`, `table`). A message, or a rumor, with a text beyond
    /// `MembershipLimits` is left out: no core makes one.
    /// - Parameter bytesMax: of each datagram.
    package static func encode(
        _ messages: [Message], bytesMax: Int = DatagramLimits.plainBytesMax
    ) -> [[UInt8]] {
        var packer = Packer(bytesMax: bytesMax)
        for message in messages where message.sender.fits && message.body.fits { packer.add(message) }
        packer.close()
        return packer.datagrams
    }

    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(FormatError) -> [Message] {
        var reader = ByteReader(bytes)
        let version = try reader.readUInt8()
        guard version == Self.version else {
            throw .invalid(
                what: "version \(version) of a datagram: this program speaks \(Self.version); run one version")
        }
        let flock = try reader.readUInt64()
        let sender = try MemberID(decoding: &reader, sender: nil)
        let digest = try reader.readUInt64()
        var messages: [Message] = []
        repeat {
            guard messages.count < DatagramLimits.messagesMax else {
                throw .tooMany(
                    what: "messages", count: UInt64(messages.count + 1), max: DatagramLimits.messagesMax)
            }
            let body = try Message.Body(decoding: &reader, sender: sender)
            let count = try reader.readCount(of: "rumors", max: DatagramLimits.rumorsMax)
            var rumors: [Rumor] = []
            rumors.reserveCapacity(count)
            for _ in 0..<count { rumors.append(try Rumor(decoding: &reader, sender: sender)) }
            messages.append(Message(flock: flock, sender: sender, digest: digest, body: body, rumors: rumors))
        } while !reader.isAtEnd
        return messages
    }
}

/// Fills datagrams one after the other.
private struct Packer {
    let bytesMax: Int
    private(set) var datagrams: [[UInt8]] = []
    private var writer = ByteWriter(reserving: DatagramLimits.bytesMax)
    private var rumorWriter = ByteWriter(reserving: DatagramLimits.bytesMax)
    /// Whose header stands in the open datagram.
    private var opener: Message?
    private var messagesCount = 0

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    mutating func add(_ message: Message) {
        let rumors = message.rumors.filter(\.fits)
        var written = 0
        repeat {
            // Behind other messages only as a whole: rather a datagram more than a rumor less.
            let count = append(message, rumors[written...]) ?? appendToNew(message, rumors[written...])
            // Not even the message alone, or not one rumor of what is left: nothing would change.
            guard let count, count > 0 else { return }
            written += count
        } while message.body.mayBeSplit && written < rumors.count
    }

    mutating func close() {
        if messagesCount > 0 { datagrams.append(writer.bytes) }
        opener = nil
        messagesCount = 0
        writer.clear()
    }

    private mutating func append(_ message: Message, _ rumors: ArraySlice<Rumor>) -> Int? {
        guard let opener, messagesCount < DatagramLimits.messagesMax, message.sharesHeader(with: opener) else {
            return nil
        }
        let start = writer.count
        guard write(message, rumors) == rumors.count else {
            writer.truncate(to: start)
            return nil
        }
        messagesCount += 1
        return rumors.count
    }

    private mutating func appendToNew(_ message: Message, _ rumors: ArraySlice<Rumor>) -> Int? {
        close()
        writer.write(Datagrams.version)
        writer.write(message.flock)
        message.sender.encode(into: &writer, sender: nil)
        writer.write(message.digest)
        guard let count = write(message, rumors) else {
            writer.clear()
            return nil
        }
        opener = message
        messagesCount = 1
        return count
    }

    /// - Returns: how many of the first rumors found room, nil if not even the body did.
    private mutating func write(_ message: Message, _ rumors: ArraySlice<Rumor>) -> Int? {
        message.body.encode(into: &writer, sender: message.sender)
        // The count of rumors is one byte.
        guard writer.count + 1 <= bytesMax else { return nil }
        rumorWriter.clear()
        var count = 0
        for rumor in rumors.prefix(DatagramLimits.rumorsMax) {
            let end = rumorWriter.count
            rumor.encode(into: &rumorWriter, sender: message.sender)
            guard writer.count + 1 + rumorWriter.count <= bytesMax else {
                rumorWriter.truncate(to: end)
                break
            }
            count += 1
        }
        writer.writeVarint(count)
        rumorWriter.withUnsafeBytes { writer.write(bytes: $0) }
        return count
    }
}

extension Message {
    fileprivate func sharesHeader(with other: Message) -> Bool {
        flock == other.flock && digest == other.digest && sender.isSame(as: other.sender)
    }
}
