import Access
import AccessKeys
import HTTPAPI
import Logging
import NodeSettings
import ServiceLifecycle

/// What stands between a node and those who call it: keys, certificate, origins, limits.
enum DoorAssembly {
    struct Door {
        let settings: HTTPSettings
        /// Look at files that may change while the node runs.
        let watches: [any Service]
    }

    /// Log, store, peers, gossip, and what the C library opens.
    private static let filesForOthers = 700

    static func door(_ settings: NodeSettings, logger: Logger) throws -> Door {
        var http = HTTPSettings(host: settings.http.host, port: settings.http.port)
        http.origins = settings.cors
        http.deviceRate = settings.deviceRate
        http.keyRate = settings.keyRate
        http.seriesMax = settings.seriesMax
        http.refusesForeignHosts = settings.apiKeys.isEmpty && !settings.isInsecureOpen
        http.connectionsMax = min(http.connectionsMax, max(1, OpenFiles.raise() - filesForOthers))
        var watches: [any Service] = []
        if !settings.apiKeys.isEmpty {
            let book = KeyBook(settings.apiKeys)
            http.keys = book
            if let path = settings.apiKeysPath {
                watches.append(
                    KeyWatch(book, first: settings.apiKeys, logger: logger) {
                        let bytes = try SmallFile.read(path, bytesMax: SettingsEnvironment.secretBytesMax)
                        return try KeyEntry.parseList(String(decoding: bytes, as: UTF8.self))
                    })
            }
        }
        if let certificates = try certificates(settings, logger: logger) {
            http.certificates = certificates
            watches.append(certificates)
        }
        return Door(settings: http, watches: watches)
    }

    /// - Returns: nil where HTTP is plain.
    static func certificates(_ settings: NodeSettings, logger: Logger) throws -> Certificates? {
        try settings.tls.map { tls throws(HTTPAPIError) in
            try Certificates(chainPath: tls.certificatePath, keyPath: tls.keyPath, logger: logger)
        }
    }
}
