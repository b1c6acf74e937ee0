import GossipTransport
import Testing

struct GossipTransportTests {
    @Test func theQueueIsBounded() {
        #expect(GossipLimits.outboundMax > 0)
    }
}
