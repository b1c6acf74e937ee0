/// Why the settings cannot be used. The message names the flag, variable or file key and says what is expected.
package struct SettingsError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) {
        self.message = message
    }

    package var description: String { message }
}

/// Why one value cannot be used; whoever knows where it came from makes a `SettingsError` of it.
package struct ValueError: Error, Hashable, Sendable {
    package let expected: String

    package init(expected: String) {
        self.expected = expected
    }
}
