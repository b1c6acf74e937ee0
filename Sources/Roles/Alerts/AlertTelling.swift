package import Alerting
package import Ports
package import Telemetry

/// Whom a node tells of alerts while it is the one that does.
package struct AlertTelling: Sendable {
    package var filter: AlertFilter
    package var limits: AlertLimits
    package var poster: any AlertPoster

    package init(
        filter: AlertFilter = AlertFilter(), limits: AlertLimits = AlertLimits(),
        poster: any AlertPoster = NobodyToTell()
    ) {
        self.filter = filter
        self.limits = limits
        self.poster = poster
    }
}

/// No receiver is named.
package struct NobodyToTell: AlertPoster {
    package init() {}
    package let targets: [AlertTarget] = []
    package func post(_ delivery: AlertDelivery, at time: Instant) async -> PostAnswer {
        .unanswered(reason: "nobody has this address")
    }
    package func close() async {}
}
