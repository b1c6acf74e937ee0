/// Something that can post a body of readings to a server.
package protocol ReadingSender: Sendable {
    /// - Parameter readings: how many the body holds, for servers that answer without counts.
    func post(_ body: [UInt8], contentType: String, to server: ServerAddress, readings: Int) async -> PostOutcome
}
