import Logging
import NodeSettings

/// The composition of a node.
enum NodeAssembly {
    static func run(_ settings: NodeSettings, version: String, logger: Logger) async throws {
        throw Failure("this build holds no node: its composition is not written yet")
    }
}
