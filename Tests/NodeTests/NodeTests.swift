import NodeHarness
import Testing

/// The real program as a process, seen from outside: what its users, its disk and its signals do to it.
///
/// One after the other: each case has a node, a client and a disk to itself, and most measure what those two do together.
@Suite(.serialized) struct NodeTests {
    /// The program under test, and a folder for one node.
    static func place(in folder: TemporaryFolder, _ moreArguments: [String] = []) throws -> NodeProcess.Place {
        NodeProcess.Place(binary: try Programs.starling(), folder: folder.path, moreArguments: moreArguments)
    }

    /// Ends a node in the way of a supervisor, and expects it to go well.
    static func stop(_ node: NodeProcess) throws {
        #expect(try node.process.terminate(within: .seconds(20)) == .code(0))
    }
}
