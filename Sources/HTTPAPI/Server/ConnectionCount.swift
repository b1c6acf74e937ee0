import Synchronization

/// How many connections there are, so that those that do nothing go sooner when others find no place.
final class ConnectionCount: Sendable {
    private let count = Atomic<Int>(0)
    private let scarceFrom: Int

    init(max: Int) {
        scarceFrom = max / HTTPLimits.connectionsScarceDivisor * HTTPLimits.connectionsScarceParts
    }

    func add(_ change: Int) {
        count.wrappingAdd(change, ordering: .relaxed)
    }

    var areScarce: Bool { count.load(ordering: .relaxed) >= scarceFrom }
}
