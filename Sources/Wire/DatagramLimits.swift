/// Every bound of what goes into a datagram, in bytes unless it says otherwise.
package enum DatagramLimits {
    /// Fits into every path's packet, with room for the seal and for tunnels.
    package static let bytesMax = 1_200
}
