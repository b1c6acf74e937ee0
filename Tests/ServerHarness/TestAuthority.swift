import Foundation
import NodeHarness

/// A certificate authority of one test, made by openssl; its files go with it.
package final class TestAuthority {
    package static let program = Programs.find("openssl")
    package static let advice = "NO OPENSSL HERE, to make certificates: install openssl"

    /// A certificate and its key, each a file in PEM.
    package struct Identity {
        package let certificate: String
        package let key: String
    }

    private let folder: TemporaryFolder
    private let identity: Identity
    private var issued = 0

    /// The file that says whom to trust.
    package var certificate: String { identity.certificate }

    package init() throws {
        folder = try TemporaryFolder("starling-authority")
        identity = Identity(certificate: folder.file("authority.crt"), key: folder.file("authority.key"))
        try make(identity, ["basicConstraints = critical, CA:TRUE", "keyUsage = critical, keyCertSign"])
    }

    /// Makes a server's certificate.
    /// - Parameter names: as openssl writes them: `DNS:localhost`, `IP:127.0.0.1`.
    package func issue(for names: String...) throws -> Identity {
        issued += 1
        let made = Identity(certificate: folder.file("\(issued).crt"), key: folder.file("\(issued).key"))
        try make(
            made,
            [
                "basicConstraints = critical, CA:FALSE", "extendedKeyUsage = serverAuth",
                "subjectAltName = \(names.joined(separator: ", "))",
            ], ["-CA", identity.certificate, "-CAkey", identity.key])
        return made
    }

    private func make(_ identity: Identity, _ extensions: [String], _ authority: [String] = []) throws {
        guard let program = Self.program else { throw HarnessError(Self.advice) }
        let settings = try folder.write(
            """
            [req]
            distinguished_name = name
            prompt = no
            [name]
            CN = starling test \(UInt64.random(in: 0...UInt64.max))
            [extensions]
            \(extensions.joined(separator: "\n"))
            """, to: "settings")
        let result = try ChildProcess.run(
            program,
            [
                "req", "-x509", "-config", settings, "-extensions", "extensions", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-out", identity.certificate, "-keyout",
                identity.key,
            ] + authority)
        guard result.exit == .code(0) else { throw HarnessError("openssl: \(result.errors)") }
    }
}
