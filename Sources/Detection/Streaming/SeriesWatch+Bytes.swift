import Telemetry

/// Bytes for hand-over and for the store: version, then the fields in order, then the profiles that have begun. Never
/// renumber a version.
extension SeriesWatch {
    private static let version: UInt8 = 1
    private static let numbersCount = 45
    private static let headCount = 1 + 8 * (numbersCount + 3) + 2
    private static let dayBit: UInt8 = 1
    private static let weekBit: UInt8 = 2
    private static let stuckBit: UInt8 = 4

    /// Of a state with both profiles.
    package static let encodedCountMax = headCount + 4 * (SeasonProfile.binsOfDay + SeasonProfile.binsOfWeek)

    package var encodedCount: Int {
        Self.headCount + 4 * (forecast.day.values.count + forecast.week.values.count)
    }

    package func encoded() -> [UInt8] {
        var writer = StateWriter(reserving: encodedCount)
        writer.write(Self.version)
        writer.write(firstTime.microseconds)
        writer.write(lastTime.microseconds)
        writer.write(standstill.since.microseconds)
        let levels = [forecast.origin, forecast.level, forecast.last, forecast.dayLevel, forecast.weekLevel]
        let others = [forecast.dayLast, forecast.weekLast, lowest, highest, slowLevel, run, distance]
        for value in levels + others { writer.write(value) }
        for index in 0..<6 { writer.write(forecast.deviations[index]) }
        for value in [forecast.count, forecast.daysCount, forecast.weeksCount, interval, count] { writer.write(value) }
        for value in [restless, slowDeviation, announced] { writer.write(value) }
        for value in [standstill.count, standstill.longest, standstill.repeats, standstill.changes] {
            writer.write(value)
        }
        for tail in [runTail, restlessTail, distanceTail] {
            for value in [tail.threshold, tail.excess, tail.scale, tail.count, tail.exceedances] { writer.write(value) }
        }
        writer.write(resolution.index)
        let dayFlag = forecast.day.values.isEmpty ? 0 : Self.dayBit
        let weekFlag = forecast.week.values.isEmpty ? 0 : Self.weekBit
        writer.write(dayFlag | weekFlag | (standstill.isStuck ? Self.stuckBit : 0))
        for value in forecast.day.values + forecast.week.values { writer.write(value) }
        return writer.bytes
    }

    /// - Returns: nil unless the bytes are a state of a known version with values that this type can hold.
    package init?(decoding bytes: some Collection<UInt8>) {
        guard (Self.headCount...Self.encodedCountMax).contains(bytes.count), bytes.first == Self.version else {
            return nil
        }
        var reader = StateReader(bytes.dropFirst())
        self.init(&reader)
        // Readings are counted whole: one part of a reading would be divided by.
        guard reader.isSound, reader.isAtEnd, lowest <= highest, count == 0 || count >= 1 else { return nil }
    }

    private init?(_ reader: inout StateReader) {
        self.init()
        firstTime = Instant(microseconds: Int64(bitPattern: reader.readWord()))
        lastTime = Instant(microseconds: Int64(bitPattern: reader.readWord()))
        standstill.since = Instant(microseconds: Int64(bitPattern: reader.readWord()))
        let value = -EWMAResidual.magnitudeMax...EWMAResidual.magnitudeMax
        let offset = -Self.offsetMax...Self.offsetMax
        let season = -Self.seasonMax...Self.seasonMax
        let size = 0...Self.sizeMax
        forecast.origin = reader.readDouble(value)
        forecast.level = reader.readDouble(offset)
        forecast.last = reader.readDouble(offset)
        forecast.dayLevel = reader.readDouble(season)
        forecast.weekLevel = reader.readDouble(season)
        forecast.dayLast = reader.readDouble(season)
        forecast.weekLast = reader.readDouble(season)
        lowest = reader.readDouble(value)
        highest = reader.readDouble(value)
        slowLevel = reader.readDouble(value)
        run = reader.readDouble(-SeasonForecast.clip...SeasonForecast.clip)
        distance = reader.readDouble(-Self.distanceClip...Self.distanceClip)
        for index in 0..<6 { forecast.deviations[index] = reader.readDouble(size) }
        forecast.count = reader.readDouble(0...SeasonForecast.countMax)
        forecast.daysCount = reader.readDouble(0...SeasonForecast.countMax)
        forecast.weeksCount = reader.readDouble(0...SeasonForecast.countMax)
        interval = reader.readDouble(0...Self.intervalMax)
        count = reader.readDouble(0...Self.countMax)
        restless = reader.readDouble(0...SeasonForecast.clip)
        slowDeviation = reader.readDouble(size)
        announced = reader.readDouble(0...Self.announcedMax)
        standstill.count = reader.readDouble(0...Standstill.countMax)
        standstill.longest = reader.readDouble(0...Standstill.countMax)
        standstill.repeats = reader.readDouble(0...Standstill.countMax)
        standstill.changes = reader.readDouble(0...Standstill.countMax)
        runTail = TailEstimate(&reader)
        restlessTail = TailEstimate(&reader)
        distanceTail = TailEstimate(&reader)
        guard let resolution = Resolution(decoding: reader.readWord()) else { return nil }
        self.resolution = resolution
        let flags = reader.readWord(UInt8.self)
        standstill.isStuck = flags & Self.stuckBit != 0
        if flags & Self.dayBit != 0 { forecast.day = SeasonProfile(&reader, binsCount: SeasonProfile.binsOfDay) }
        if flags & Self.weekBit != 0 { forecast.week = SeasonProfile(&reader, binsCount: SeasonProfile.binsOfWeek) }
    }

    /// Bounds that learning never leaves from within: of differences of two values, of what is left of them without a
    /// season's bounded values, and of the sizes of errors.
    private static let offsetMax = 1e37
    private static let seasonMax = 1e39
    private static let sizeMax = 1e60
}

extension TailEstimate {
    /// Sizes are of numbers that are clipped long before this.
    private static let sizeMax = 1e6

    fileprivate init(_ reader: inout StateReader) {
        threshold = reader.readDouble(0...Self.sizeMax)
        excess = reader.readDouble(0...Self.sizeMax)
        scale = reader.readDouble(0...Self.sizeMax)
        count = reader.readDouble(0...Self.memory)
        exceedances = reader.readDouble(0...Self.exceedancesMemory)
    }
}

extension SeasonProfile {
    fileprivate init(_ reader: inout StateReader, binsCount: Int) {
        let bounds = Float(-Self.valueMax)...Float(Self.valueMax)
        values = (0..<binsCount).map { _ in reader.readFloat(bounds, or: Self.unknown) }
    }
}
