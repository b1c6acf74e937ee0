import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// A connection under TLS, with the certificate of the moment in which it was made.
struct SecureChannel<Base: ServerChildChannel>: ServerChildChannel {
    typealias Value = Base.Value

    let base: Base
    let certificates: Certificates

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificates.context))
        }.flatMap { base.setup(channel: channel, logger: logger) }
    }

    @concurrent func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
