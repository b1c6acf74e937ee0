/// The words of the progress line and of the summary; no clock, no terminal.
package enum ProgressLine {
    /// - Parameters:
    ///   - previous: the counts `seconds` ago; the rate is what was accepted since.
    ///   - total: readings there are to send, if that is known.
    package static func text(
        _ counts: FleetCounts, previous: FleetCounts, seconds: Double, total: Int? = nil, lastError: String? = nil
    ) -> String {
        let rate = seconds > 0 ? Double(counts.accepted - previous.accepted) / seconds : 0
        var parts = [
            "sent \(counts.sent)", "accepted \(counts.accepted)", "rejected \(counts.rejected)",
            "buffered \(counts.buffered)", "errors \(counts.errors)", "\(rounded(rate)) readings/s",
        ]
        if counts.dropped > 0 { parts.insert("dropped \(counts.dropped)", at: 4) }
        if let total, total > 0 {
            parts.insert("\(min(100, counts.sent * 100 / total)) % of \(total)", at: 0)
        }
        // The last error is of interest only while it still holds something up.
        if let lastError,
            counts.errors > previous.errors || (counts.buffered > 0 && counts.accepted == previous.accepted)
        {
            parts.append("last: \(lastError)")
        }
        return parts.joined(separator: " · ")
    }

    /// What stands at the end of a run of devices.
    package static func summary(_ counts: FleetCounts, devices: Int, seconds: Double) -> String {
        let rate = seconds > 0 ? Double(counts.accepted) / seconds : 0
        var lines = [
            "\(devices) device(s), \(rounded(seconds)) s, \(rounded(rate)) readings/s accepted",
            "  produced \(counts.produced)   accepted \(counts.accepted)   rejected \(counts.rejected)",
            "  failed requests \(counts.errors)   anomalies put in \(counts.anomalies)",
        ]
        if counts.buffered > 0 { lines.append("  \(counts.buffered) readings were never answered for") }
        if counts.dropped > 0 { lines.append("  \(counts.dropped) readings were dropped: the buffers were full") }
        return lines.joined(separator: "\n")
    }

    /// What stands at the end of a replay.
    package static func summary(_ counts: FleetCounts, of file: ReplayFile, seconds: Double) -> String {
        let rate = seconds > 0 ? Double(counts.sent) / seconds : 0
        var lines = [
            "rows sent \(counts.sent)   distinct \(file.distinctRowsCount)   accepted \(counts.accepted)"
                + "   rejected \(counts.rejected)   skipped \(file.badRowsCount)",
            "\(rounded(seconds)) s, \(rounded(rate)) rows/s, errors \(counts.errors)",
        ]
        if counts.buffered > 0 { lines.append("\(counts.buffered) rows were not sent") }
        return lines.joined(separator: "\n")
    }

    /// One decimal below 100, none above.
    private static func rounded(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "?" }
        if abs(value) >= 100 { return String(Int(value.rounded())) }
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }
}
