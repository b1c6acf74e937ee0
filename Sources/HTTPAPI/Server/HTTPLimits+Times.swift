import NIOCore

extension HTTPLimits {
    static let idleMax = TimeAmount.seconds(Int64(idleSecondsMax))
    static let idleScarceMax = TimeAmount.seconds(Int64(idleScarceSecondsMax))
    static let bodyMax = TimeAmount.seconds(Int64(bodySecondsMax))
    static let busyPause = TimeAmount.milliseconds(busyPauseMilliseconds)
    static let wrongKeyPause = TimeAmount.milliseconds(wrongKeyPauseMilliseconds)
    static let discardMax = TimeAmount.seconds(Int64(strangerSecondsMax))
}
