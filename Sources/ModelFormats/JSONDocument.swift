import Foundation

/// The one way JSON is read here.
enum JSONDocument {
    static func decode<Document: Decodable>(
        _ type: Document.Type, from bytes: [UInt8], bytesCountMax: Int
    ) throws(ModelFormatError) -> Document {
        guard bytes.count <= bytesCountMax else { throw .tooLarge(bytes: bytes.count, allowed: bytesCountMax) }
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw ModelFormatError(error)
        } catch {
            throw .notJSON("\(error)")
        }
    }
}

/// Foundation says only "not valid JSON" of a fraction where a whole number is due, without a place. Here numbers are
/// read as what JSON has, and made whole with the place at hand.
extension KeyedDecodingContainer {
    func wholeNumber<Number: FixedWidthInteger>(_: Number.Type = Number.self, forKey key: Key) throws -> Number {
        try whole(decode(Double.self, forKey: key), path: codingPath + [key])
    }

    func wholeNumbers(forKey key: Key) throws -> [Int] {
        try decode([Double].self, forKey: key).enumerated().map { index, value in
            try whole(value, path: codingPath + [key, Place(index)])
        }
    }

    private func whole<Number: FixedWidthInteger>(_ value: Double, path: @autoclosure () -> [any CodingKey]) throws
        -> Number
    {
        guard let number = Number(exactly: value) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: path(), debugDescription: "\(value), expected a whole number that fits"))
        }
        return number
    }
}

/// An index in a list, as a part of a path.
private struct Place: CodingKey {
    let index: Int

    init(_ index: Int) {
        self.index = index
    }

    init?(intValue: Int) {
        index = intValue
    }

    init?(stringValue: String) {
        nil
    }

    var intValue: Int? { index }
    var stringValue: String { String(index) }
}
