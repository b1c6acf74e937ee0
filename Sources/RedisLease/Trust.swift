import Glibc
import NIOCore
import NIOSSL

extension RedisURL {
    /// Reads the certificates that `sslrootcert=` names, so that a start can refuse a file that is of no use.
    package func check() throws(RedisURLError) {
        if isEncrypted { _ = try Trust.context(of: self) }
    }
}

/// Whom a tunnel takes for its server: whoever has a certificate of the address's host, from a CA of this system, or of
/// the file that the address names and of no other.
enum Trust {
    /// Made anew for every connection: a file that was replaced is read by the next one.
    static func context(of address: RedisURL) throws(RedisURLError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        configuration.shutdownTimeout = .milliseconds(RedisLimits.farewellMilliseconds)
        if let path = address.rootsPath { configuration.trustRoots = .certificates(try roots(path)) }
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw RedisURLError(description: "TLS cannot be set up: \(error)")
        }
    }

    private static func roots(_ path: String) throws(RedisURLError) -> [NIOSSLCertificate] {
        func fail(_ why: String) -> RedisURLError {
            RedisURLError(
                description:
                    "sslrootcert: \(path) \(why): name a file with the certificates of the CAs that the server's "
                    + "may come from, in PEM, or leave sslrootcert out for those of this system")
        }
        guard let file = fopen(path, "re") else { throw fail("cannot be read (\(String(cString: strerror(errno))))") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: RedisLimits.rootsBytesMax + 1)
        let count = bytes.withUnsafeMutableBytes { fread($0.baseAddress, 1, $0.count, file) }
        guard count <= RedisLimits.rootsBytesMax else { throw fail("is longer than a list of certificates") }
        guard let found = try? NIOSSLCertificate.fromPEMBytes(Array(bytes.prefix(count))), !found.isEmpty else {
            throw fail("holds no certificate in PEM")
        }
        return found
    }
}
