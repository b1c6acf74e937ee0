import Foundation

/// The part of `GET /cluster` that people read first.
struct MemberTable: Decodable {
    struct Member: Decodable {
        let name: String
        let address: String
        let http: String
        let status: String
        let incarnation: UInt64
        let ringShare: Double
        let devices: Int
        let version: String
        let since: String

        enum CodingKeys: String, CodingKey {
            case name, address, http, status, incarnation, devices, version, since
            case ringShare = "ring_share"
        }
    }

    let node: String
    let members: [Member]

    /// Names of members that are suspect or dead.
    var failing: [String] {
        members.filter { $0.status == "suspect" || $0.status == "dead" }.map { "\(Self.shown($0.name)) (\($0.status))" }
    }

    var text: String {
        let header = ["NAME", "STATUS", "ADDRESS", "HTTP", "RING", "DEVICES", "VERSION", "INCARNATION", "SINCE"]
        let rows = members.map { member in
            [
                member.name + (member.name == node ? " *" : ""), member.status, member.address, member.http,
                Self.percent(member.ringShare), "\(member.devices)", member.version, "\(member.incarnation)",
                member.since,
            ].map(Self.shown)
        }
        let widths = header.indices.map { column in
            ([header] + rows).map { $0[column].count }.max() ?? 0
        }
        return ([header] + rows).map { row in
            let cells = row.indices.map { column in
                row[column].padding(toLength: widths[column], withPad: " ", startingAt: 0)
            }
            return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }

    private static func percent(_ share: Double) -> String {
        guard share.isFinite, (0...1).contains(share) else { return "?" }
        return "\(Int((share * 1000).rounded()) / 10).\(Int((share * 1000).rounded()) % 10) %"
    }

    /// Names come from other machines: no control character reaches the terminal.
    private static func shown(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
    }
}
