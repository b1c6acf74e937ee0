import Logging
import NodeSettings

/// `starling node --check`: all that can be seen of settings without opening, listening or asking anybody.
enum NodeCheck {
    /// - Throws: what would stop a start later than the settings themselves do.
    static func run(_ settings: NodeSettings, logger: Logger) throws {
        _ = try StoreAssembly.make(settings.store, logger)
        _ = try LeaseAssembly.scheduling(settings)
        _ = try WebhookAssembly.urls(settings)
        _ = try NeighbourhoodAssembly.keyRing(settings)
        _ = try DoorAssembly.certificates(settings, logger: logger)
    }

    /// Every setting with its value, secrets as stars.
    static func text(_ settings: NodeSettings) -> String {
        TextTable.text(["setting", "value"], settings.printed.map { [$0.flag, $0.value] })
            + "\n\nThe settings are good."
    }
}
