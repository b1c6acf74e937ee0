import Glibc

/// What a test, or a benchmark, could not do.
package struct HarnessError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// A failed system call, with what `errno` says.
    package init(call: String) {
        let number = errno
        description = "\(call): \(String(cString: strerror(number)))"
    }
}
