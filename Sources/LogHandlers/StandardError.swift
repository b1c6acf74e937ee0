package import Logging

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where logs go: standard output is for results.
package enum StandardError {
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Nil when it is no terminal; 80 when the terminal does not say.
    package static var columns: Int? {
        guard isTerminal else { return nil }
        var size = winsize()
        let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }

    /// Writes all of `bytes`; gives up silently when nobody reads, since there is no place left to complain.
    package static func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let written = writeOnce(STDERR_FILENO, buffer[offset...])
                if written > 0 { offset += written } else if errno != EINTR { return }
            }
        }
    }

    /// Sends every logger of the process to standard error. Once a process, before the first logger is made.
    package static func bootstrapLogging(level: Logger.Level, isJSON: Bool) {
        let form: LineLogHandler.Form = isJSON ? .json : .text(isTerminal: isTerminal)
        LoggingSystem.bootstrap { label in
            LineLogHandler(label: label, level: level, form: form, write: write)
        }
    }
}

/// The C function, whose name is the method's too.
private func writeOnce(_ descriptor: Int32, _ bytes: Slice<UnsafeRawBufferPointer>) -> Int {
    let rebased = UnsafeRawBufferPointer(rebasing: bytes)
    return write(descriptor, rebased.baseAddress, rebased.count)
}
