import Telemetry

/// Numbers the distinct names of a body from 0, by their bytes: a name seen before costs a hash and a comparison, and
/// no `String`.
struct NameTable {
    private struct Entry {
        let hash: UInt64
        let start: Int
        let count: Int
    }

    private var places = OpenTable(reserving: 0)
    private var entries: [Entry] = []
    private var bytes: [UInt8] = []

    mutating func reserve(_ count: Int) {
        entries.reserveCapacity(count)
        places = OpenTable(reserving: count)
    }

    /// The number of `name`, nil if it is new. `hash` is `NameHash` of it.
    func index(of name: UnsafeRawBufferPointer, hash: UInt64) -> Int? {
        places.find(hash) { index in
            entries[index].hash == hash && isName(index, equalTo: name)
        }
    }

    func isName(_ index: Int, equalTo name: UnsafeRawBufferPointer) -> Bool {
        let entry = entries[index]
        guard entry.count == name.count else { return false }
        return bytes.withUnsafeBytes { bytes in
            Self.isEqual(UnsafeRawBufferPointer(rebasing: bytes[entry.start..<entry.start + entry.count]), name)
        }
    }

    /// Adds a name that `index(of:)` did not find.
    mutating func add(_ name: UnsafeRawBufferPointer, hash: UInt64) {
        entries.append(Entry(hash: hash, start: bytes.count, count: name.count))
        bytes.append(contentsOf: name)
        places.insert(entries.count - 1, hash: hash) { entries[$0].hash }
    }

    /// - Precondition: both are equally long.
    private static func isEqual(_ lhs: UnsafeRawBufferPointer, _ rhs: UnsafeRawBufferPointer) -> Bool {
        var offset = 0
        while offset + 8 <= rhs.count {
            let words = (
                lhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self),
                rhs.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            )
            guard words.0 == words.1 else { return false }
            offset += 8
        }
        while offset < rhs.count {
            guard lhs[offset] == rhs[offset] else { return false }
            offset += 1
        }
        return true
    }
}

/// Numbers the distinct (device, metric) pairs of a body from 0.
struct PairTable {
    private var places: OpenTable
    private var pairs: [UInt64] = []
    private let secret: UInt64

    init(secret: UInt64, reserving count: Int) {
        self.secret = secret
        places = OpenTable(reserving: count)
        pairs.reserveCapacity(count)
    }

    /// The number of the pair; nil if it is new.
    func known(device: Int, metric: Int) -> Int? {
        let pair = Self.pair(device, metric)
        return places.find(SeededGenerator.mixed(pair ^ secret)) { pairs[$0] == pair }
    }

    /// Adds a pair that is not known, and numbers it.
    mutating func add(device: Int, metric: Int) -> Int {
        let pair = Self.pair(device, metric)
        pairs.append(pair)
        places.insert(pairs.count - 1, hash: SeededGenerator.mixed(pair ^ secret)) {
            SeededGenerator.mixed(pairs[$0] ^ secret)
        }
        return pairs.count - 1
    }

    private static func pair(_ device: Int, _ metric: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: device) << 32 | UInt64(truncatingIfNeeded: metric)
    }
}

/// The places of a hash table with open addressing (linear probing, at most half full); the keys are the caller's.
struct OpenTable {
    /// Index + 1; 0 is free. A power of two long.
    private var places: [UInt32]
    private var count = 0

    init(reserving count: Int) {
        var size = 16
        while size < count * 2 { size *= 2 }
        places = [UInt32](repeating: 0, count: size)
    }

    func find(_ hash: UInt64, where isKey: (Int) -> Bool) -> Int? {
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != 0 {
            let index = Int(places[place]) - 1
            if isKey(index) { return index }
            place = (place + 1) & mask
        }
        return nil
    }

    mutating func insert(_ index: Int, hash: UInt64, hashOf: (Int) -> UInt64) {
        count += 1
        if count * 2 > places.count {
            let indices = places.filter { $0 != 0 }
            places = [UInt32](repeating: 0, count: places.count * 2)
            for place in indices { put(place, hash: hashOf(Int(place) - 1)) }
        }
        put(UInt32(index + 1), hash: hash)
    }

    private mutating func put(_ value: UInt32, hash: UInt64) {
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] != 0 { place = (place + 1) & mask }
        places[place] = value
    }
}

/// A hash of names under a secret, so that nobody can send names that fall on one another.
struct NameHash {
    /// Of this process. It decides where a name stands in a table, never a result.
    static let processSecret = UInt64.random(in: .min ... .max)

    let secret: UInt64

    func callAsFunction(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hash = secret ^ UInt64(truncatingIfNeeded: name.count)
        var offset = 0
        while offset + 8 <= name.count {
            hash = step(hash, name.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        while offset < name.count {
            tail = tail << 8 | UInt64(name[offset])
            offset += 1
        }
        return SeededGenerator.mixed(step(hash, tail))
    }

    /// Folds a word in by the 128-bit product.
    private func step(_ hash: UInt64, _ word: UInt64) -> UInt64 {
        let product = (hash ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (secret | 1))
        return product.high ^ product.low &+ secret
    }
}
