import Foundation
import NodeHarness
import Ports
import PostgresStore
import ServerHarness
import Testing

@Suite(
    "A PostgreSQL store over TLS", .enabled(if: Server.isInstalled, .noServer),
    .enabled(if: Programs.find("openssl") != nil, "NO OPENSSL, to make a certificate: install openssl"))
struct EncryptionTests {
    private static let modes = ["require": true, "verify-ca": true, "verify-full": false]

    /// The certificate names another host than the address: only `verify-full` minds, as libpq has it.
    @Test func theAddressSaysHowMuchIsVerified() async throws {
        let programs = try #require(PostgresPrograms.found)
        let folder = try TemporaryFolder("starling-pg-tls", in: "/tmp")
        let (certificate, key) = (folder.file("server.crt"), folder.file("server.key"))
        let made = try ChildProcess.run(
            try #require(Programs.find("openssl")),
            [
                "req", "-new", "-x509", "-days", "2", "-nodes", "-subj", "/CN=database.example", "-out", certificate,
                "-keyout", key,
            ])
        try #require(made.exit == .code(0), "\(made.errors)")
        PostgresServer.handOver([folder.path, certificate, key])
        chmod(key, 0o600)
        chmod(folder.path, 0o755)
        let server = try PostgresServer(
            programs, settings: ["ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key])
        let plain = server.address(try server.database())
        for (mode, isRight) in Self.modes {
            let address = plain.replacing("sslmode=disable", with: "sslmode=\(mode)&sslrootcert=\(certificate)")
            let store = try Server.store(address)
            if isRight {
                _ = try await store.prepare()
                let connections =
                    "SELECT count(*) > 0 AND bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                let sum = try server.run("\(connections) WHERE application_name LIKE 'starling%'")
                #expect(sum == "t", "\(mode)")
            } else {
                let error = await #expect(throws: StoreError.self) { _ = try await store.prepare() }
                #expect(error?.message.contains("database.example") == true, "\(mode)")
            }
            await store.close()
        }
        let error = await #expect(throws: StoreError.self) {
            _ = try await Server.store(
                plain.replacing("sslmode=disable", with: "sslmode=verify-ca&sslrootcert=/nowhere/ca.crt")
            ).prepare()
        }
        #expect(error?.message.contains("/nowhere/ca.crt") == true)
        server.stop()
    }
}
