import Foundation
import NIOHTTP1

/// Requests to `/models` of a running node, and what its refusals say.
enum ModelsRequest {
    /// A training looks at some ten thousand readings; a document is some hundred kilobytes.
    static let seconds: Int64 = 60

    static func get(_ path: String, from url: String) async throws -> (status: Int, body: [UInt8]) {
        try await NodeClient.get(path, from: url)
    }

    static func post(
        _ path: String, to url: String, json: [UInt8]? = nil
    ) async throws -> (status: Int, body: [UInt8]) {
        try await NodeClient.ask(.POST, path, of: url, json: json, seconds: seconds)
    }

    static func put(
        _ path: String, to url: String, _ document: [UInt8]
    ) async throws -> (status: Int, body: [UInt8]) {
        try await NodeClient.ask(.PUT, path, of: url, json: document, seconds: seconds)
    }

    /// - Throws: `Failure` with the node's own words for anything but success.
    static func decode<Answer: Decodable>(
        _: Answer.Type, from answer: (status: Int, body: [UInt8]), of url: String
    ) throws -> Answer {
        guard (200..<300).contains(answer.status) else {
            throw NodeClient.failure(answer.status, answer.body, from: url)
        }
        return try NodeClient.decode(Answer.self, answer.body, from: url)
    }

    /// A type as a part of a path.
    static func encoded(_ type: String) -> String {
        type.addingPercentEncoding(withAllowedCharacters: plain) ?? type
    }

    /// The unreserved characters of RFC 3986.
    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
