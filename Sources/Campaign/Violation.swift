/// A promise that was broken, with an example or a few.
package struct Violation: Hashable, Sendable, CustomStringConvertible {
    package enum Promise: String, CaseIterable, Sendable {
        case acceptedIsStored = "an accepted reading is not stored"
        case storedOnce = "a reading is stored twice"
        case rightValue = "a reading is stored with another value"
        case nothingForeign = "a reading is stored that nobody sent"
        case deletedStaysDeleted = "a deleted device has readings"
        case latestIsComplete = "/latest lacks a device or a type"
        case latestIsRight = "/latest differs from the newest stored reading"
        case ledgerIsClosed = "the ledger is not closed"
        case aliveIsNotPruned = "the pruner took a device that was alive"
        case ghostsArePruned = "a device that fell silent for good was not pruned"
        case onePruner = "two pruners at a time"
        case tokensIncrease = "a fencing token went back"
        case nodesRun = "a node ended by itself"
        case nodesStop = "a node did not stop as asked"
        case nodesAgree = "the nodes do not agree in time"
        case nodesAreReady = "a node does not say that it is ready"
        case logsAreClean = "a log tells of a crash"
        case devicesSent = "the devices could not send"
    }

    package let promise: Promise
    /// How many there are of it.
    package let count: Int
    /// The first few.
    package let examples: [String]

    package static let examplesMax = 5

    package init(_ promise: Promise, count: Int, examples: [String]) {
        self.promise = promise
        self.count = count
        self.examples = examples
    }

    package init(_ promise: Promise, _ example: String) { self.init(promise, count: 1, examples: [example]) }

    /// - Returns: none if there are no cases.
    package static func of(_ promise: Promise, _ cases: [String]) -> [Violation] {
        cases.isEmpty
            ? [] : [Violation(promise, count: cases.count, examples: Array(cases.sorted().prefix(examplesMax)))]
    }

    package var description: String {
        "\(promise.rawValue) (\(count)): " + examples.joined(separator: "; ") + (count > examples.count ? "; …" : "")
    }
}
