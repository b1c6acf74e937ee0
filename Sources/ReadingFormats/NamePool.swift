import CSimdjson
import Telemetry

/// The distinct names of one kind in a body, checked on first sight and numbered from 0.
struct NamePool<Name: ByteName> {
    private(set) var names: [Name] = []
    private var table = NameTable()
    /// The name that came after each name the last time. Fleets report in rounds and devices list their metrics in
    /// one order, so the guess is mostly right, and a comparison is all that a known name costs.
    private var followers: [Int] = []
    private var last = 0
    private let hash: NameHash

    init(secret: UInt64, reserving count: Int) {
        hash = NameHash(secret: secret)
        names.reserveCapacity(count)
        followers.reserveCapacity(count)
        table.reserve(count)
    }

    mutating func index(of value: starling_json_value) -> Result<Int, NameFault> {
        guard value.kind == .text else { return .failure(.kind(value.kind)) }
        let bytes = UnsafeRawBufferPointer(start: value.text, count: Int(value.text_count))
        // Before it is hashed: a name may be as long as the body.
        guard bytes.count <= Name.utf8CountMax else { return .failure(.tooLong(bytes.count, max: Name.utf8CountMax)) }
        if !names.isEmpty, table.isName(followers[last], equalTo: bytes) {
            last = followers[last]
            return .success(last)
        }
        let hash = hash(bytes)
        if let index = table.index(of: bytes, hash: hash) {
            followers[last] = index
            last = index
            return .success(index)
        }
        guard let name = Name(String(decoding: bytes, as: UTF8.self)) else {
            return .failure(bytes.isEmpty ? .empty : .control)
        }
        table.add(bytes, hash: hash)
        names.append(name)
        followers.append(0)
        followers[last] = names.count - 1
        last = names.count - 1
        return .success(last)
    }
}

/// Why a name is no name.
enum NameFault: Error {
    case kind(starling_json_kind)
    case empty
    case tooLong(Int, max: Int)
    case control

    var reason: String {
        switch self {
        case .kind(.absent): "is missing"
        case .kind(.broken_text): "holds half of a surrogate pair (\\uD800 to \\uDFFF), which is no character"
        case .kind(let kind): "must be a string, not \(kind.noun)"
        case .empty: "is empty"
        case .tooLong(let count, let max): "has \(count) bytes of UTF-8, more than \(max)"
        case .control: "holds a control character"
        }
    }
}
