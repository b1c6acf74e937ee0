import Distributed
import LogFormat
import NIOCore
import Synchronization

extension ClusterActorSystem {
    /// Runs what another node asked for, and answers in any case.
    func serve(_ call: InboundCall) async {
        do {
            try await run(call)
        } catch {
            answer(call, .failure(error))
        }
    }

    private func run(_ call: InboundCall) async throws {
        let request: RequestBytes
        do {
            request = try RequestBytes(decoding: call.payload)
        } catch {
            throw ClusterActorError.malformedCall("\(error)")
        }
        let id = id(of: request.role)
        guard let table = calls.withLock({ $0.table(of: request.role) }), let actor = actor(id) else {
            throw ClusterActorError.unknownActor(id.description)
        }
        guard ObjectIdentifier(type(of: actor)) == table.type else {
            throw ClusterActorError.wrongType(id.description)
        }
        guard let entry = table.entries[request.number] else {
            throw ClusterActorError.unknownCall(request.number, peerVersion: shared.version)
        }
        if entry.argumentsCount == 0, request.arguments.readableBytes > 0 {
            throw ClusterActorError.malformedCall("\(request.arguments.readableBytes) bytes after the end")
        }
        try await execute(entry, on: actor, request.arguments, call)
    }

    /// The name is this program's own, of a method of this very type: another one crashes the process.
    private func execute(
        _ entry: WireTable.Entry, on actor: any DistributedActor, _ arguments: ByteBuffer, _ call: InboundCall
    ) async throws {
        var decoder = ClusterCallDecoder(arguments, argumentsCount: entry.argumentsCount)
        let handler = ClusterReplyHandler { [self] result in answer(call, result) }
        try await executeDistributedTarget(
            on: actor, target: RemoteCallTarget(entry.target), invocationDecoder: &decoder, handler: handler)
    }

    private func answer(_ call: InboundCall, _ result: Result<ByteBuffer, any Error>) {
        switch result {
        case .success(let payload) where payload.readableBytes <= PeerLimits.messageBytesMax:
            shared.counters.add { $0.requestsServed += 1 }
            call.answer(PeerMessage(.reply, id: call.id, payload))
        case .success(let payload):
            fail(call, .tooLarge(bytes: payload.readableBytes, max: PeerLimits.messageBytesMax))
        case .failure(let error):
            fail(call, error as? ClusterActorError ?? .remote("\(error)"), thrown: error)
        }
    }

    private func fail(_ call: InboundCall, _ error: ClusterActorError, thrown: (any Error)? = nil) {
        shared.counters.add { $0.requestsRefused[error.kind, default: 0] += 1 }
        call.answer(
            PeerMessage(.failure, id: call.id, FailureBytes.encode(thrown ?? error, version: shared.version)))
    }
}
