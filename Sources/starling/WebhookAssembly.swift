import Alerting
import NodeSettings
import Roles
import Telemetry
import Webhook

/// Whom a node tells of alerts.
enum WebhookAssembly {
    /// - Throws: `Failure` if an address cannot be used.
    static func telling(_ settings: NodeSettings, version: String) throws -> AlertTelling {
        guard !settings.webhooks.isEmpty else { return AlertTelling() }
        let urls = try urls(settings)
        return AlertTelling(
            filter: AlertFilter(
                types: settings.webhookTypes.map { GlobPattern($0) },
                devices: settings.webhookDevices.map { GlobPattern($0) }),
            poster: WebhookPoster(urls, secret: settings.webhookSecret?.revealed, version: version))
    }

    static func urls(_ settings: NodeSettings) throws -> [WebhookURL] {
        try settings.webhooks.map { text in
            guard let url = WebhookURL(text.revealed) else {
                throw Failure("--webhook: one of the addresses cannot be used: http://… or https://… with a host")
            }
            return url
        }
    }
}
