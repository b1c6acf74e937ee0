/// Of the role's own, whose other parts need the whole node.
enum LiveFeed {
    static let keptMax = 20_000
}
