import ReadingFormats

/// Every size, wait and count of the HTTP side, in one place.
package enum HTTPLimits {
    /// A body of `POST /data`, before and after gunzip.
    package static let bodyBytesMax = ReadingParser.bodyByteCountMax
    /// A body of `POST /data` that is parsed on the event loop, where others wait meanwhile: some hundred microseconds.
    package static let quickBodyBytesMax = 16 << 10
    /// Parts of requests that a client sent ahead while it waits for an answer.
    package static let heldPartsMax = 4_096
    /// A whole body must have come by then, however steadily it drips (408).
    package static let bodySecondsMax = 60
    /// How long somebody waits for being told to come back: whoever asks again at once would take the node's time from those
    /// that it serves.
    package static let busyPauseMilliseconds: Int64 = 500
    /// How long somebody with a key that nobody knows waits for being told so: as many connections try fewer keys.
    package static let wrongKeyPauseMilliseconds: Int64 = 5
    /// What is read and thrown away after an early answer, so that a client that sends first and reads later sees it.
    package static let discardedBytesMax = 64 << 20
    /// As long as a body that is wanted: who sends slowly has an answer to read as well.
    package static let discardSecondsMax = bodySecondsMax
    /// The same after an answer to somebody without a key.
    package static let strangerBytesMax = 1 << 20
    package static let strangerSecondsMax = 5

    /// One header line, and all of them together (431). Cookies of other services on the same host fit.
    package static let headerFieldBytesMax = 16 << 10
    package static let headerBytesMax = 32 << 10
    package static let headerCountMax = 100
    /// A client's own request id, echoed only up to here.
    package static let requestIDBytesMax = 64

    /// A connection without a request, or within one that stopped coming, is closed after this long. Longer than the
    /// 60 s most load balancers keep theirs, so that it is they who close.
    package static let idleSecondsMax = 75
    /// The same while connections are scarce: a device that is at work sends within it, who holds one open does not.
    package static let idleScarceSecondsMax = 10
    /// They are scarce from three quarters of all on.
    static let connectionsScarceParts = 3
    static let connectionsScarceDivisor = 4
    /// A client that takes nothing of its answer for this long is cut off.
    package static let writeStallSecondsMax = 60
    package static let connectionsMax = 16_384
    /// Connections the kernel completes before they are taken.
    package static let backlogMax = 1_024

    package static let latestLimitMax = 100_000
    package static let devicesLimitMax = 1_000_000
    package static let anomaliesDefault = 100
    package static let anomaliesMax = 1_000
    package static let auditLimitDefault = 100
    package static let auditLimitMax = 10_000
    package static let muteBodyBytesMax = 16 << 10
    /// Devices of each kind in what the pruner would do.
    package static let pruneLimitDefault = 100
    package static let pruneLimitMax = 10_000
    /// Versions of models in one answer.
    package static let modelVersionsMax = 10_000
    package static let shadowScoresDefault = 100
    package static let shadowScoresMax = 10_000
    /// `key=…` of the longest key, each byte escaped.
    package static let sessionBodyBytesMax = 4 << 10
    /// `{"version":3}`.
    package static let versionBodyBytesMax = 4 << 10
    package static let pointsDefault = 1_000
    package static let pointsMax = 10_000
    /// Rows asked of the store at once while streaming.
    package static let historyPageMax = 5_000
    package static let devicesPageMax = 1_000
    /// Parameters in one query string.
    package static let queryParametersMax = 32

    /// Streams served at once. Each costs a connection, and its own text of every reading it asked for.
    package static let streamsMax = 256
    /// Batches kept for a reader that is behind: about four seconds of the feed, then it is dropped.
    package static let streamBatchesMax = 16
    /// A quiet stream says so this often, well before proxies and browsers give a connection up.
    package static let streamHeartbeatSeconds = 15
    /// Where a stop has to go on although a reader takes nothing: within the seconds that a node has for all of it.
    package static let streamEndSecondsMax: Int64 = 1
    /// When a client that was cut off comes back.
    package static let streamRetryMilliseconds = 2_000
    /// Events are written in parts of about this size.
    package static let streamPartBytes = 16 << 10

    /// Smaller answers cost more to compress than to send.
    package static let gzipBytesMin = 1_024
    /// Seconds after which a client should try again when the node cannot know better.
    package static let retryAfterSeconds = 5
    /// One file of the dashboard.
    package static let assetBytesMax = 4 << 20
    /// Folders within each other in the dashboard's.
    package static let assetLevelsMax = 3
}
