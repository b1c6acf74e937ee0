import AsyncHTTPClient
import Foundation
import NIOSSL

/// What a command shows to a node that asks for a key, and whom it trusts. From the environment alone: what stands in a
/// command line is seen by everybody on the machine.
enum ClientAccess {
    static let keyVariable = "STARLING_API_KEY"
    static let authorityVariable = "STARLING_CA_FILE"
    private static let keyBytesMax = 4 << 10

    /// For the help texts.
    static let help = """
        Where a node asks for a key, put it into STARLING_API_KEY, or its file into STARLING_API_KEY_FILE. A certificate \
        that the system does not know is trusted by its file in STARLING_CA_FILE.
        """

    /// - Returns: nil if there is none.
    static func key(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> String? {
        let direct = environment.nonEmpty(keyVariable)
        guard let path = environment.nonEmpty(keyVariable + "_FILE") else { return try direct.map(sound) }
        guard direct == nil else {
            throw Failure("\(keyVariable) and \(keyVariable)_FILE are both set; unset one of them")
        }
        let text = String(decoding: try SmallFile.read(path, bytesMax: keyBytesMax), as: UTF8.self)
        return try sound(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// A line end in it would end the header.
    private static func sound(_ key: String) throws -> String {
        guard !key.isEmpty, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure("\(keyVariable) holds no key: printable characters without spaces")
        }
        return key
    }

    /// - Returns: nil for the system's own trust.
    static func tls(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws -> TLSConfiguration? {
        guard let path = environment.nonEmpty(authorityVariable) else { return nil }
        do { _ = try NIOSSLCertificate.fromPEMFile(path) } catch {
            throw Failure("\(authorityVariable): \(path) holds no certificate in PEM")
        }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.additionalTrustRoots = [.file(path)]
        return configuration
    }
}
