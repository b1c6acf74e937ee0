import FuzzKit
import ReadingFormats

// Gzip bodies, fed in chunks by the first byte. The limit holds; chunks make no difference; what is unpacked is the same
// when packed by us and unpacked again.

/// Small, so that inputs of a few hundred bytes reach it.
let limitBytes = 256 << 10

func unpacked(_ bytes: UnsafeRawBufferPointer, chunk: Int) -> Result<[UInt8], GzipError> {
    let decoder = GzipDecoder(limitBytes: limitBytes)
    var output: [UInt8] = []
    return Result { () throws(GzipError) in
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(GzipError) {
                try decoder.decode(UnsafeRawBufferPointer(rebasing: rest.prefix(chunk)), into: &output)
            } catch {
                precondition(output.count <= limitBytes, "\(output.count) bytes beyond the limit")
                throw error
            }
            rest = rest.dropFirst(chunk)
        }
        try decoder.finish()
        return output
    }
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    let whole = unpacked(rest, chunk: max(1, rest.count))
    let inChunks = unpacked(rest, chunk: max(1, Int(first)))
    switch (whole, inChunks) {
    case (.success(let output), .success(let other)):
        precondition(output == other, "chunks make a difference")
        precondition(output.count <= limitBytes, "\(output.count) bytes beyond the limit")
        let again = try? GzipDecoder.decode(GzipEncoder.encode(output), limitBytes: output.count)
        precondition(again == output, "packed and unpacked it is another")
    case (.failure(let error), .failure(let other)):
        precondition(!error.description.isEmpty && !other.description.isEmpty)
    default: preconditionFailure("whole \(whole), in chunks \(inChunks)")
    }
    // And as what is to be packed.
    let plain = Array(rest)
    let packed = GzipEncoder.encode(plain, level: Int(first) % 11)
    precondition((try? GzipDecoder.decode(packed, limitBytes: plain.count)) == plain, "packed \(plain)")
}
