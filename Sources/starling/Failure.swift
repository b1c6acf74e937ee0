/// A failure that is told in one or two sentences: what happened, and what to do next.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
