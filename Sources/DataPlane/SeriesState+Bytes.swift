import Detection

/// What goes into the store's row and to other owners: the detector's state, and behind it the device's panel, if the series
/// carries one that has learned something.
extension SeriesState {
    /// No version of a detector's state.
    private static let panelMark: UInt8 = 0xFE
    static let bytesMax = 3 + DetectorState.encodedCountMax + DevicePanel.encodedCountMax

    /// Alone the detector's state is as it always was; before a panel come a mark and its length.
    var encoded: [UInt8] {
        let detector = detector.encoded()
        let panel = panel?.encoded() ?? []
        guard !panel.isEmpty else { return detector }
        let count = UInt16(detector.count)
        return [Self.panelMark, UInt8(count & 0xFF), UInt8(count >> 8)] + detector + panel
    }

    /// An upper bound of the count of `encoded`.
    var encodedCountMax: Int {
        detector.encodedCount + (panel?.watch == nil ? 0 : 3 + DevicePanel.encodedCountMax)
    }

    /// - Returns: no detector if its bytes are of a version that is not known here; no panel if there is none that can be read.
    static func decoded(_ bytes: [UInt8]) -> (detector: DetectorState?, panel: DevicePanel?) {
        guard bytes.first == panelMark, bytes.count > 3 else { return (DetectorState(decoding: bytes), nil) }
        let count = Int(bytes[1]) | Int(bytes[2]) << 8
        let rest = bytes[3...]
        guard count <= rest.count else { return (nil, nil) }
        return (DetectorState(decoding: rest.prefix(count)), DevicePanel(decoding: rest.dropFirst(count)))
    }
}
