import NIOCore

/// Which of the two ways a connection is on, and how far (see `QuickPost`).
enum QuickState {
    /// No answer is owed. → passing, collecting, pausing, discarding
    case idle
    /// The ordinary way owes answers, or still reads a request. → idle
    case passing(owed: Int, isReading: Bool)
    /// One of ours is not whole yet. → answering, idle
    case collecting(QuickRequest, of: Caller)
    /// One is refused when its pause is over. → idle, discarding
    case pausing(QuickRefusal, isWhole: Bool)
    /// The rest of one that was refused is still to come. → idle
    case discarding(until: NIODeadline)
    /// The node has it. → idle
    case answering(QuickRequest, AdmittedReadings)
}
