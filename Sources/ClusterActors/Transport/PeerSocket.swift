import NIOCore

#if canImport(Glibc)
    import Glibc
#endif

/// How the sockets between nodes are set.
enum PeerSocket {
    /// What was written leaves at once, and a peer that went without a word is noticed.
    static var options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] {
        var options: [(ChannelOptions.Types.SocketOption, SocketOptionValue)] = [
            (.tcpOption(.tcp_nodelay), 1), (.socketOption(.so_keepalive), 1),
        ]
        #if canImport(Glibc)
            options += [
                (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)), PeerLimits.quietSeconds),
                (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPINTVL)), PeerLimits.questionSeconds),
                (.tcpOption(NIOBSDSocket.Option(rawValue: TCP_KEEPCNT)), PeerLimits.questionsMax),
            ]
        #endif
        return options
    }
}

extension ChannelOptions.Types.WriteBufferWaterMark {
    /// What the socket's queue holds cannot be overtaken: only so much is put there that it never runs dry.
    static let peers = Self(low: PeerLimits.socketQueueBytesMax / 2, high: PeerLimits.socketQueueBytesMax)
}
