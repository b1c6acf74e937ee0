import Testing
import Wire

struct DatagramTests {
    @Test func aDatagramFitsAPacket() {
        #expect(DatagramLimits.bytesMax <= 1_232)
    }
}
