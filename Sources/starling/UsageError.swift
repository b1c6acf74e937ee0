import ArgumentParser
import LogHandlers

/// A mistake in how a command was called, found after the flags were parsed.
enum UsageError {
    /// Tells it on standard error, as ArgumentParser tells its own.
    /// - Returns: the exit code to throw, 64.
    static func told(_ message: String, command: String) -> ExitCode {
        StandardError.write(
            Array("Error: \(message)\n  See 'starling \(command) --help' for more information.\n".utf8))
        return .validationFailure
    }
}
