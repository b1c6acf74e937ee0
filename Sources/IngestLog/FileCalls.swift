import Glibc

/// The calls to the operating system that may fail in ways a test must be able to cause.
///
/// Each is one system call and returns the error number instead of setting it: `write` and `read` the bytes moved, or
/// the negative error number; the others 0 or the error number.
package struct FileCalls: Sendable {
    package var write: @Sendable (_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: UInt64) -> Int
    package var read: @Sendable (_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer, _ offset: UInt64) -> Int
    /// Data, and as much of the file's description as reading it back needs.
    package var sync: @Sendable (_ descriptor: Int32) -> Int32
    /// Data and description; of a folder, its entries.
    package var syncAll: @Sendable (_ descriptor: Int32) -> Int32
    /// Sets disk space aside and makes the file that long; the new bytes read as zeros.
    package var allocate: @Sendable (_ descriptor: Int32, _ offset: UInt64, _ bytes: UInt64) -> Int32
    package var truncate: @Sendable (_ descriptor: Int32, _ bytes: UInt64) -> Int32
    package var rename: @Sendable (_ from: String, _ to: String) -> Int32
    package var unlink: @Sendable (_ path: String) -> Int32

    package static let system = FileCalls(
        write: { descriptor, bytes, offset in
            let written = Glibc.pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
            return written < 0 ? -Int(errno) : written
        },
        read: { descriptor, bytes, offset in
            let read = Glibc.pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
            return read < 0 ? -Int(errno) : read
        },
        sync: { fdatasync($0) == 0 ? 0 : errno },
        syncAll: { fsync($0) == 0 ? 0 : errno },
        allocate: { posix_fallocate($0, off_t($1), off_t($2)) },
        truncate: { ftruncate($0, off_t($1)) == 0 ? 0 : errno },
        rename: { Glibc.rename($0, $1) == 0 ? 0 : errno },
        unlink: { Glibc.unlink($0) == 0 ? 0 : errno }
    )
}

extension FileCalls {
    /// A call that a signal interrupts this often is given up.
    static let interruptsMax = 1000

    /// Writes all of `bytes`: the system may take less at a time.
    /// - Returns: 0 or the error number; how much was written then is unknown.
    func writeAll(_ bytes: UnsafeRawBufferPointer, to file: OpenFile, at offset: UInt64) -> Int32 {
        var done = 0
        var interrupts = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let written = write(file.descriptor, rest, offset + UInt64(done))
            if written > 0 {
                done += min(written, rest.count)
                continue
            }
            guard written == -Int(EINTR), interrupts < Self.interruptsMax else {
                return written == 0 ? EIO : Int32(truncatingIfNeeded: -written)
            }
            interrupts += 1
        }
        return 0
    }

    /// `call` again while signals interrupt it.
    func uninterrupted(_ call: () -> Int32) -> Int32 {
        var number = call()
        var interrupts = 0
        while number == EINTR, interrupts < Self.interruptsMax {
            number = call()
            interrupts += 1
        }
        return number
    }

    static func text(of number: Int32) -> String {
        String(cString: strerror(number))
    }

    static func isNoSpace(_ number: Int32) -> Bool {
        number == ENOSPC || number == EDQUOT
    }
}

/// An open file; closed with the last reference to it.
final class OpenFile: Sendable {
    let descriptor: Int32

    /// - Parameter flags: of open(2); `O_CLOEXEC` is added.
    /// - Returns: nil with `number` set to the error number.
    init?(path: String, flags: Int32, mode: mode_t = 0o640, number: inout Int32) {
        descriptor = open(path, flags | O_CLOEXEC, mode)
        number = errno
        if descriptor < 0 { return nil }
        number = 0
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// The file's length.
    var bytesCount: UInt64 {
        UInt64(max(0, lseek(descriptor, 0, SEEK_END)))
    }
}
