import Glibc

/// Files as a crash leaves them: what is on the disk at one moment, without the process that wrote it.
enum FileCopy {
    static func bytes(of path: String) throws -> [UInt8] {
        guard let file = fopen(path, "r") else { throw PosixError(call: "open \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = part.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
            guard count > 0 else { return bytes }
            bytes += part[..<count]
        }
    }

    static func write(_ bytes: some Sequence<UInt8>, to path: String) throws {
        guard let file = fopen(path, "w") else { throw PosixError(call: "create \(path)") }
        defer { fclose(file) }
        let bytes = Array(bytes)
        let count = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard count == bytes.count else { throw PosixError(call: "write \(path)") }
    }
}
