import NIOCore

/// What came on a connection while an answer was awaited.
enum HeldPart {
    case part(NIOAny)
    case event(Any)
    case failure(any Error)
}
