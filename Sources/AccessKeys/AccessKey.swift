package import Access
package import Telemetry

/// A key that somebody holds, as a node knows it: by its digest.
package struct AccessKey: Hashable, Sendable {
    package let scopes: Set<Scope>
    /// Devices it may send readings of; none stands for all.
    package let devices: [GlobPattern]
    package let digest: KeyDigest

    package init(_ entry: KeyEntry) {
        scopes = entry.scopes
        devices = entry.devices
        digest =
            switch entry.secret {
            case .digest(let bytes): KeyDigest(bytes)
            case .plain(let key): KeyDigest(of: key)
            }
    }

    package func allows(_ scope: Scope) -> Bool { scopes.contains(.admin) || scopes.contains(scope) }

    package func allows(_ device: DeviceID) -> Bool {
        devices.isEmpty || devices.contains { $0.matches(device.text) }
    }
}
