import Foundation

/// A program that this one started: ended by its own pid, at the latest with this object.
package final class ChildProcess {
    package enum Exit: Hashable, Sendable {
        case code(Int32)
        case signal(Int32)
    }

    /// Longest nap between two looks at a program that may have ended.
    private static let napMillisecondsMax: Int32 = 20

    package let pid: Int32
    package let program: String
    package private(set) var exit: Exit?
    /// One end of a line whose other end the program holds open by living.
    private let lifeline: Int32

    /// - Parameters:
    ///   - output: the file that takes standard output and standard error, appended to.
    ///   - errors: a file of its own for standard error; nil = the same.
    package init(
        _ program: String, _ arguments: [String], output: String, errors: String? = nil,
        environment: [String: String] = Programs.plainEnvironment()
    ) throws {
        var ends: [Int32] = [-1, -1]
        // A pair of sockets, because they can be made so that no other child inherits them.
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw HarnessError(call: "socketpair") }
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The threads of a pool block most signals, and a program inherits that: a shell would wait for its children for
        // ever.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let append = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, append, 0o644)
        if let errors {
            posix_spawn_file_actions_addopen(&actions, 2, errors, append, 0o644)
        } else {
            posix_spawn_file_actions_adddup2(&actions, 1, 2)
        }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 3)
        // What libraries of this process opened is not the program's: it would go on listening at our ports.
        for descriptor in Self.openDescriptors where descriptor > 3 {
            posix_spawn_file_actions_addclose(&actions, descriptor)
        }
        var started: pid_t = 0
        let number = Self.withCStrings([program] + arguments) { arguments in
            Self.withCStrings(environment.map { "\($0.key)=\($0.value)" }) { environment in
                posix_spawn(&started, program, &actions, &attributes, arguments, environment)
            }
        }
        guard number == 0 else {
            close(ends[0])
            throw HarnessError("cannot start \(program): \(String(cString: strerror(number)))")
        }
        pid = started
        self.program = program
        lifeline = ends[0]
    }

    private static var openDescriptors: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []).compactMap { Int32($0) }
    }

    deinit {
        if exit == nil { kill() }
        close(lifeline)
    }

    private static func withCStrings<Value>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
    ) -> Value {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }

    /// True while the program lives.
    package var isRunning: Bool { wait(.zero) == nil }

    /// - Returns: how it ended; nil if it still runs after `limit`.
    @discardableResult
    package func wait(_ limit: Duration) -> Exit? {
        let deadline = Deadline(in: limit)
        while exit == nil {
            var status: Int32 = 0
            if waitpid(pid, &status, WNOHANG) == pid {
                let signal = status & 0x7F
                exit = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
            } else if deadline.isPast {
                return nil
            } else {
                nap(min(deadline.milliseconds, Self.napMillisecondsMax))
            }
        }
        return exit
    }

    /// Returns after so many milliseconds, or as soon as the program ends.
    package func nap(_ milliseconds: Int32) {
        var end = pollfd(fd: lifeline, events: 0, revents: 0)
        poll(&end, 1, milliseconds)
    }

    package func send(_ signal: Int32) {
        if exit == nil { Glibc.kill(pid, signal) }
    }

    /// SIGKILL, and waits for the end of it.
    package func kill() {
        send(SIGKILL)
        wait(.seconds(60))
    }

    /// SIGTERM, and waits.
    package func terminate(within limit: Duration) throws -> Exit {
        send(SIGTERM)
        guard let exit = wait(limit) else {
            throw HarnessError("\(program) (\(pid)) still runs \(limit) after SIGTERM")
        }
        return exit
    }
}

extension ChildProcess {
    package struct Result: Sendable {
        package let exit: Exit
        package let output: String
        package let errors: String
    }

    /// Runs a program to its end.
    package static func run(
        _ program: String, _ arguments: [String], limit: Duration = .seconds(60),
        environment: [String: String] = Programs.plainEnvironment()
    ) throws -> Result {
        let folder = try TemporaryFolder("run")
        let child = try ChildProcess(
            program, arguments, output: folder.file("out"), errors: folder.file("err"), environment: environment)
        guard let exit = child.wait(limit) else {
            throw HarnessError("\(program) \(arguments.joined(separator: " ")) still runs after \(limit)")
        }
        func text(_ name: String) -> String {
            (FileManager.default.contents(atPath: folder.file(name))).map { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        return Result(exit: exit, output: text("out"), errors: text("err"))
    }
}
