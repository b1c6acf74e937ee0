package import Telemetry

/// The bounds of what one record may hold. They are part of the format: writers split, readers refuse.
package enum LogLimits {
    /// Readings a record. Small enough that one damaged record loses little, large enough that a frame costs nothing.
    package static let readingsCountMax = 4096
    /// Distinct series in a batch; at most one a reading is needed.
    package static let seriesCountMax = readingsCountMax
    /// Verdicts a record: those of several neighbouring reading records may share one.
    package static let verdictsCountMax = 4 * readingsCountMax
    /// Distinct models in a verdict batch.
    package static let modelsCountMax = 1024
    package static let modelNameUTF8CountMax = 128
    /// Verdicts with a reason a record: all of them where there are as many as readings in one.
    package static let reasonsCountMax = readingsCountMax
    /// Bytes of a record's payload. 4,096 readings of as many series with the longest names need 872 KiB; 16,384
    /// verdicts of 1,024 models with the longest names need 322 KiB; 4,096 with the longest reasons, too, 994 KiB.
    package static let payloadBytesMax = 1 << 20
    /// No position lies beyond: leaves room to add any count without an overflow.
    package static let positionMax = LogPosition(1 << 62)
}
