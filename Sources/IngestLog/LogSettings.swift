extension IngestLog {
    /// How much disk the log may take, and in what pieces.
    package struct Settings: Hashable, Sendable {
        package static let limitBytesDefault: UInt64 = 1 << 30
        package static let segmentBytesDefault: UInt64 = 64 << 20
        /// Below this the pieces of a log are smaller than its records.
        package static let limitBytesMin: UInt64 = 64 << 10
        /// A log is at least so many segments: trimming goes by whole ones, so an eighth is what it may lag behind.
        package static let segmentsCountMin: UInt64 = 8
        /// A segment's space is set aside in steps of this: so small that a small log does not start at its limit, so
        /// large that a step is rare (a sync into space set aside costs a third of one that makes the file grow).
        package static let extentBytesMax: UInt64 = 4 << 20
        /// The unit of every allocation.
        static let pageBytes: UInt64 = 4 << 10

        /// Bytes on disk beyond which readings are refused.
        package let limitBytes: UInt64
        /// A segment ends before it exceeds this, except for a single record that does so alone.
        package let segmentBytes: UInt64

        package init(limitBytes: UInt64 = limitBytesDefault, segmentBytes: UInt64 = segmentBytesDefault) {
            self.limitBytes = max(limitBytes, Self.limitBytesMin)
            let largest = self.limitBytes / Self.segmentsCountMin
            self.segmentBytes = max(Self.pageBytes, min(segmentBytes, largest))
        }

        /// Verdicts may exceed the limit by this: a log full of readings must still take what is said of them.
        package var verdictsOvershootBytes: UInt64 { limitBytes / 4 }

        var extentBytes: UInt64 { min(Self.extentBytesMax, segmentBytes) }
    }
}
