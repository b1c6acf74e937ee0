import CSimdjson
import Telemetry

/// Decides where names stand in the tables of this process, never a result.
let nameSecret = UInt64.random(in: .min ... .max)

/// The distinct names of one kind in a body, checked on first sight and numbered from 0.
struct NamePool<Name: ByteName> {
    private(set) var names: [Name] = []
    private var table = NameTable()

    mutating func index(of value: starling_json_value) -> Result<Int, NameFault> {
        guard value.kind == .text else { return .failure(.kind(value.kind)) }
        let bytes = UnsafeRawBufferPointer(start: value.text, count: Int(value.text_count))
        // Before it is hashed: a name may be as long as the body.
        guard bytes.count <= Name.utf8CountMax else { return .failure(.tooLong(bytes.count, max: Name.utf8CountMax)) }
        let hash = NameHash(secret: nameSecret)(bytes)
        if let index = table.index(of: bytes, hash: hash) { return .success(index) }
        guard let name = Name(String(decoding: bytes, as: UTF8.self)) else {
            return .failure(bytes.isEmpty ? .empty : .control)
        }
        table.add(bytes, hash: hash)
        names.append(name)
        return .success(names.count - 1)
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
