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
        members.filter { $0.status == "suspect" || $0.status == "dead" }.map {
            "\(TextTable.shown($0.name)) (\($0.status))"
        }
    }

    var text: String {
        let header = ["NAME", "STATUS", "ADDRESS", "HTTP", "RING", "DEVICES", "VERSION", "INCARNATION", "SINCE"]
        let rows = members.map { member in
            [
                member.name + (member.name == node ? " *" : ""), member.status, member.address, member.http,
                Self.percent(member.ringShare), "\(member.devices)", member.version, "\(member.incarnation)",
                member.since,
            ]
        }
        return TextTable.text(header, rows)
    }

    private static func percent(_ share: Double) -> String {
        guard share.isFinite, (0...1).contains(share) else { return "?" }
        return "\(Int((share * 1000).rounded()) / 10).\(Int((share * 1000).rounded()) % 10) %"
    }
}
