import Foundation

/// Results go here; everything else goes to standard error.
enum StandardOutput {
    static func put(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
