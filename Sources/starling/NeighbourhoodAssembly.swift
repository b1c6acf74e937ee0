import ClusterActors
import ClusterKeys
import GossipTransport
import Logging
import Membership
import NodeSettings
import Roles

/// Binds the sockets by which other nodes reach this one: UDP for gossip and TCP for calls, on one port number.
enum NeighbourhoodAssembly {
    /// Tries of a port that the system chose for one of the two and that is taken for the other.
    private static let bindTriesMax = 16
    /// How long a stop waits for the replies of calls that still run here: it is on its way out, and said so.
    private static let drainTime = Duration.milliseconds(500)

    static func bind(
        _ settings: NodeSettings, incarnation: UInt64, version: String, file: FlockFile, logger: Logger
    ) async throws -> Node.Neighbourhood {
        let keys = try keyRing(settings)
        let (transport, system, port) = try await bindBoth(
            settings, keys, incarnation: incarnation, version: version, logger)
        let seeds = settings.join.map { MemberAddress(host: $0.host, port: UInt16(clamping: $0.port)) }
        do {
            return Node.Neighbourhood(
                transport: transport, system: system,
                address: try await address(settings, gossipPort: port, transport), seeds: seeds, file: file)
        } catch {
            await transport.close()
            await system.shutdown()
            throw error
        }
    }

    static func keyRing(_ settings: NodeSettings) throws -> KeyRing? {
        guard !settings.clusterKeys.isEmpty else { return nil }
        guard let keys = KeyRing(base64: settings.clusterKeys.map(\.revealed)) else {
            throw Failure(
                "--cluster-key: base64 of 32 bytes each, at most \(KeyRing.keysMax) (openssl rand -base64 32)")
        }
        return keys
    }

    private static func bindBoth(
        _ settings: NodeSettings, _ keys: KeyRing?, incarnation: UInt64, version: String, _ logger: Logger
    ) async throws -> (GossipTransport, ClusterActorSystem, UInt16) {
        var peers = PeerSettings()
        peers.drainTime = drainTime
        var lastError: any Error = Failure("no port for gossip")
        for _ in 0..<(settings.gossip.port == 0 ? bindTriesMax : 1) {
            let system = ClusterActorSystem(
                node: settings.name, incarnation: incarnation, version: version, keys: keys, settings: peers,
                logger: logger)
            do {
                let port = try await system.listen(host: settings.gossip.host, port: settings.gossip.port)
                let transport = GossipTransport(
                    GossipTransport.Settings(host: settings.gossip.host, port: UInt16(clamping: port)), keys: keys,
                    logger: logger)
                _ = try await transport.start()
                return (transport, system, UInt16(clamping: port))
            } catch {
                await system.shutdown()
                lastError = error
            }
        }
        throw Failure(
            "cannot listen on \(settings.gossip) for gossip and peers: \(lastError). Another program may have the port: "
                + "set --gossip")
    }

    /// A member's address is an IP: a name is looked up once, now.
    private static func address(
        _ settings: NodeSettings, gossipPort: UInt16, _ transport: GossipTransport
    ) async throws -> MemberAddress {
        let advertised = settings.advertised(gossipPort: Int(gossipPort))
        let name = MemberAddress(host: advertised.host, port: UInt16(clamping: advertised.port))
        guard let address = await transport.resolve([name]).first else {
            throw Failure(
                "\(settings.advertise == nil ? "--gossip" : "--advertise"): \(advertised.host) has no address; other "
                    + "nodes could not find this one. Give an IP address")
        }
        return address
    }
}
