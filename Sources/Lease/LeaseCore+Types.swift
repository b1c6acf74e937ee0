package import Telemetry

extension LeaseCore {
    package enum Event: Hashable, Sendable {
        case started
        case tick
        /// To the request of that number.
        case answered(UInt64, LeaseAnswer)
        /// There will be no answer; whether the keeper did it is unknown.
        case failed(UInt64)
        /// The store refused this term's token, or the work cannot be done here: somebody else shall try.
        case stepDown
        /// The lease is given back and not sought again.
        case leave
    }

    package enum Effect: Hashable, Sendable {
        case ask(LeaseRequest)
        /// This node holds the lease: have the store mint a token, then work.
        case elected(LeaseTerm)
        /// The term is over: stop the work before anything else.
        case ended(End)
        /// Told once a change: the keeper stopped answering this node, or answers again.
        case keeperChanged(answers: Bool)
        /// After `leave`: the process may end.
        case left
    }

    package enum End: Hashable, Sendable {
        /// It could not be renewed in time.
        case ranOut
        /// The keeper has another holder, or none.
        case taken
        case steppedDown
        case left
    }

    package enum Phase: Hashable, Sendable {
        /// → asking
        case idle
        /// → asking
        case seeking(askAt: Moment)
        /// → holding, seeking, releasing
        case asking(Call)
        /// → seeking, releasing
        case holding(LeaseTerm, Question)
        /// → seeking, left
        case releasing(LeaseOwner, Question, asked: Int, isLeaving: Bool)
        case left

        /// The question that waits for its answer.
        package var call: Call? {
            switch self {
            case .asking(let call), .holding(_, .asked(let call)), .releasing(_, .asked(let call), _, _): call
            case .idle, .seeking, .holding, .releasing, .left: nil
            }
        }
    }

    /// What a holder asks next.
    package enum Question: Hashable, Sendable {
        case due(at: Moment)
        case asked(Call)
    }

    package struct Call: Hashable, Sendable {
        package let request: LeaseRequest
        package let sentAt: Moment
    }

    /// Since the start.
    package struct Counts: Hashable, Sendable {
        package internal(set) var elections: UInt64 = 0
        /// Answers to questions that were given up.
        package internal(set) var lateAnswers: UInt64 = 0
        package internal(set) var missedAnswers: UInt64 = 0
    }
}
