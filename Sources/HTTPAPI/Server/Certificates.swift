import Foundation
package import Logging
import NIOSSL
import ServiceLifecycle
import Synchronization

/// The certificate that this node shows, read again when its files change: certificates of today live for weeks, and a
/// node is not stopped for a new one.
package final class Certificates: Service, CustomStringConvertible {
    private struct Files: Equatable {
        let chain: Data
        let key: Data
    }

    private struct State {
        var files: Files
        var context: NIOSSLContext
    }

    private let chainPath: String
    private let keyPath: String
    private let logger: Logger
    private let state: Mutex<State>

    package var description: String { "certificate \(chainPath)" }

    /// Between two looks at the files.
    private static let pause = Duration.seconds(5)
    private static let fileBytesMax = 1 << 20

    /// - Parameters:
    ///   - chainPath: PEM, the node's own certificate first.
    ///   - keyPath: PEM, its key.
    package init(chainPath: String, keyPath: String, logger: Logger) throws(HTTPAPIError) {
        self.chainPath = chainPath
        self.keyPath = keyPath
        self.logger = logger
        let files = try Self.readBoth(chainPath, keyPath)
        state = Mutex(State(files: files, context: try Self.context(of: files, chainPath, keyPath)))
    }

    var context: NIOSSLContext { state.withLock(\.context) }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.watch() }
    }

    private func watch() async {
        var complaint: String?
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.pause)
            do throws(HTTPAPIError) {
                if try update() { logger.notice("new TLS certificate", metadata: ["file": "\(chainPath)"]) }
                complaint = nil
            } catch {
                // Both files are seldom replaced in one moment: what does not fit together may, a look later.
                if complaint == "" {
                    logger.error(
                        "the TLS certificate was replaced by one that cannot be used: the old one stays",
                        metadata: ["error": "\(error)"])
                }
                complaint = complaint == nil ? "" : error.description
            }
        }
    }

    /// - Returns: true if there was a new one.
    func update() throws(HTTPAPIError) -> Bool {
        let files = try Self.readBoth(chainPath, keyPath)
        guard files != state.withLock(\.files) else { return false }
        let context = try Self.context(of: files, chainPath, keyPath)
        state.withLock { $0 = State(files: files, context: context) }
        return true
    }

    private static func readBoth(_ chainPath: String, _ keyPath: String) throws(HTTPAPIError) -> Files {
        Files(chain: try read(chainPath, "--tls-cert"), key: try read(keyPath, "--tls-key"))
    }

    private static func read(_ path: String, _ flag: String) throws(HTTPAPIError) -> Data {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw .certificate("\(flag): cannot read \(path)")
        }
        defer { try? file.close() }
        guard let data = try? file.read(upToCount: fileBytesMax), !data.isEmpty else {
            throw .certificate("\(flag): cannot read \(path), or it is empty")
        }
        return data
    }

    private static func context(
        of files: Files, _ chainPath: String, _ keyPath: String
    ) throws(HTTPAPIError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMBytes(Array(files.chain)) } catch {
            throw .certificate("--tls-cert: \(chainPath) holds no certificate in PEM")
        }
        guard !chain.isEmpty else { throw .certificate("--tls-cert: \(chainPath) holds no certificate in PEM") }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(bytes: Array(files.key), format: .pem) } catch {
            throw .certificate("--tls-key: \(keyPath) holds no key in PEM, or one with a password")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        do { return try NIOSSLContext(configuration: configuration) } catch {
            throw .certificate("the key in \(keyPath) is not that of the certificate in \(chainPath) (\(error))")
        }
    }
}
