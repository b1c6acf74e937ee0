/// Another node as membership tells of it: one life, and where it listens.
package struct Peer: Hashable, Sendable, CustomStringConvertible {
    package let name: String
    package let incarnation: UInt64
    package let host: String
    package let port: UInt16

    package init(name: String, incarnation: UInt64, host: String, port: UInt16) {
        self.name = name
        self.incarnation = incarnation
        self.host = host
        self.port = port
    }

    var life: Life { Life(name: name, incarnation: incarnation) }
    package var description: String { "\(name)#\(incarnation)@\(host):\(port)" }

    struct Life: Hashable, Sendable, CustomStringConvertible {
        let name: String
        let incarnation: UInt64

        var description: String { "\(name)#\(incarnation)" }
    }
}
