import Foundation

/// The machine's name without its domain.
enum HostName {
    static var short: String {
        let full = ProcessInfo.processInfo.hostName
        return full.split(separator: ".").first.map(String.init) ?? "localhost"
    }
}
