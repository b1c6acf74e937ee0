import Glibc

/// An open descriptor that has one owner, and is closed when that goes without handing it on.
struct Descriptor: ~Copyable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// From now on whoever gets the number closes it.
    consuming func handedOn() -> Int32 {
        let number = number
        discard self
        return number
    }
}
