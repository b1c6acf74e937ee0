/// What a key lets its holder do.
package enum Scope: String, CaseIterable, Hashable, Sendable {
    /// `POST /data`, for all devices or for those that its patterns name.
    case ingest
    /// Everything that changes nothing: `/latest`, `/history`, the dashboard, `/metrics`.
    case read
    /// Everything: delete and restore, prune, mute, models; reading and sending too.
    case admin
}
