import CLibFuzzer
import Foundation

/// An input that a fuzzer starts from, made by the program's own encoders.
package struct Seed {
    /// Of its file below `Tests/Fuzz/Corpus`.
    let name: String
    let bytes: [UInt8]

    package init(_ name: String, _ bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }

    package init(_ name: String, _ text: String) {
        self.init(name, Array(text.utf8))
    }
}

/// Runs one check over input after input (docs/FUZZING.md says how).
package enum Fuzzer {
    /// Seeds stay small: what is mutated in a large one is mostly of no account.
    private static let seedBytesMax = 4_096

    /// libFuzzer takes a function of C, which holds on to nothing.
    nonisolated(unsafe) private static var check: (UnsafeRawBufferPointer) -> Void = { _ in }

    /// Does what the arguments say: libFuzzer's own, or `--seeds FOLDER`, which writes the seeds there and ends.
    /// - Parameter check: traps if what it sees is wrong.
    package static func run(
        seeds: () throws -> [Seed], check: @escaping (UnsafeRawBufferPointer) -> Void
    ) throws -> Never {
        let arguments = CommandLine.arguments
        if arguments.count == 3, arguments[1] == "--seeds" {
            let folder = URL(filePath: arguments[2])
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for seed in try seeds() {
                precondition(seed.bytes.count < seedBytesMax, "\(seed.name) has \(seed.bytes.count) bytes")
                try Data(seed.bytes).write(to: folder.appending(path: seed.name))
            }
            exit(0)
        }
        self.check = check
        var count = CommandLine.argc
        var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
        let status = LLVMFuzzerRunDriver(&count, &values) { start, count in
            Fuzzer.check(UnsafeRawBufferPointer(start: start, count: count))
            return 0
        }
        exit(status)
    }
}

extension UnsafeRawBufferPointer {
    /// The first byte, which says what to do with the rest; nil of nothing.
    package func divided() -> (first: UInt8, rest: UnsafeRawBufferPointer)? {
        guard let first else { return nil }
        return (first, UnsafeRawBufferPointer(rebasing: self[1...]))
    }
}
