package import Telemetry

/// Bytes for hand-over and for the store: version, count of metrics, then the fields in order. The metrics themselves
/// are what the state is filed under, and given when it is read. Never renumber a version.
extension DeviceWatch {
    private static let version: UInt8 = 1

    /// Of a device with as many metrics as there may be.
    package static let encodedCountMax =
        3 + metricsCountMax * (1 + 8 * 9) + 8 * (SymmetricMatrix.lowerCount(metricsCountMax) + 10)

    package func encoded() -> [UInt8] {
        var writer = StateWriter(reserving: Self.encodedCountMax)
        writer.write(Self.version)
        writer.write(UInt8(metrics.count))
        for channel in channels {
            writer.write(channel.kind.rawValue)
            guard channel.kind != .still else { continue }
            for value in [channel.center, channel.deviation, channel.persistence] { writer.write(value) }
        }
        for value in covariance.lower { writer.write(value) }
        for value in [interval, lines.level, lines.tSquared, lines.q, episode.peak, burden] { writer.write(value) }
        writer.write(UInt8(episode.isOn ? 1 : 0))
        writer.write(lastTime.microseconds)
        for place in active.indices {
            writer.write(last[place])
            writer.write(lastTimes[place].microseconds)
            writer.write(subspace.restlessness[place])
            writer.write(subspace.strangeness[place])
        }
        writer.write(subspace.tSquared)
        writer.write(subspace.q)
        if let levels {
            writer.write(levels.youth)
            for value in levels.mean + levels.wander { writer.write(value) }
        }
        return writer.bytes
    }

    /// - Parameter metrics: of the device, in the order in which the state was learned.
    /// - Returns: nil unless the bytes are a state of a known version, of as many metrics, with values that this type can
    ///   hold; the device then learns anew.
    package init?(decoding bytes: some Collection<UInt8>, metrics: [Metric]) {
        guard (3...Self.encodedCountMax).contains(bytes.count), (1...Self.metricsCountMax).contains(metrics.count)
        else { return nil }
        var reader = StateReader(bytes)
        guard reader.readWord(UInt8.self) == Self.version, Int(reader.readWord(UInt8.self)) == metrics.count,
            let channels = Self.channels(&reader, count: metrics.count)
        else { return nil }
        let active = channels.count { $0.kind != .still }
        let settled = channels.count { $0.kind == .settled }
        let square = 0...DeviceLines.lineMax
        var covariance = SymmetricMatrix(diagonal: .init(repeating: 0, count: active))
        for row in 0..<active {
            for column in 0...row { covariance[row, column] = reader.readDouble(-Self.spreadMax...Self.spreadMax) }
        }
        let interval = reader.readDouble(0...Double(Int64.max))
        let line = DeviceLines.lineMin...DeviceLines.lineMax
        let lines = DeviceLines(
            level: reader.readDouble(line), tSquared: reader.readDouble(line), q: reader.readDouble(line))
        let peak = reader.readDouble(0...EpisodeLine.peakMax)
        let burden = reader.readDouble(0...Self.acceptCount)
        let isOn = reader.readWord(UInt8.self) == 1
        let lastTime = Instant(microseconds: Int64(bitPattern: reader.readWord()))
        let value = -EWMAResidual.magnitudeMax...EWMAResidual.magnitudeMax
        let places = (0..<active).map { _ in
            (
                last: reader.readDouble(value), time: Instant(microseconds: Int64(bitPattern: reader.readWord())),
                restlessness: reader.readDouble(square), strangeness: reader.readDouble(square)
            )
        }
        let (tSquared, q) = (reader.readDouble(square), reader.readDouble(square))
        let youth = settled > 0 ? reader.readDouble(0...1) : 1
        let mean = (0..<settled).map { _ in reader.readDouble(-DeviceChannel.clip...DeviceChannel.clip) }
        let wander = (0..<settled).map { _ in reader.readDouble(0...MEWMA.wanderMax) }
        guard reader.isSound, reader.isAtEnd else { return nil }
        self.init(metrics: metrics, channels: channels, covariance: covariance, interval: interval, wander: wander)
        (self.lines, self.burden, self.lastTime) = (lines, burden, lastTime)
        episode = EpisodeLine(peak: peak, isOn: isOn)
        (last, lastTimes) = (places.map(\.last), places.map(\.time))
        (subspace.tSquared, subspace.q) = (tSquared, q)
        (subspace.restlessness, subspace.strangeness) = (places.map(\.restlessness), places.map(\.strangeness))
        levels?.mean = mean
        levels?.youth = youth
    }

    private static func channels(_ reader: inout StateReader, count: Int) -> [DeviceChannel]? {
        var channels: [DeviceChannel] = []
        for _ in 0..<count {
            guard let kind = DeviceChannel.Kind(rawValue: reader.readWord()) else { return nil }
            guard kind != .still else {
                channels.append(.absent)
                continue
            }
            let center = reader.readDouble(-EWMAResidual.magnitudeMax...EWMAResidual.magnitudeMax)
            let deviation = reader.readDouble(SeasonForecast.deviationMin...EWMAResidual.magnitudeMax * 2)
            let persistence = reader.readDouble(DeviceChannel.persistenceMin...DeviceChannel.persistenceMax)
            channels.append(DeviceChannel(kind: kind, center: center, deviation: deviation, persistence: persistence))
        }
        return channels
    }

    /// Standardised values are within ±15, and absent ones allowed for.
    private static let spreadMax = 1e6
}
