import AsyncHTTPClient
import DeviceFleet
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import NodeSettings

/// Asks a running node one question.
enum NodeClient {
    static let secondsMax: Int64 = 5
    static let answerBytesMax = 64 << 20
    static let defaultURL = "http://127.0.0.1:8080"

    /// - Throws: `Failure` that says what to look at when nobody answers.
    static func get(_ path: String, from url: String) async throws -> (status: Int, body: [UInt8]) {
        try await ask(.GET, path, of: url)
    }

    /// The same with `POST`.
    /// - Parameter json: the body; none without it.
    static func post(
        _ path: String, to url: String, json: [UInt8]? = nil
    ) async throws -> (status: Int, body: [UInt8]) {
        try await ask(.POST, path, of: url, json: json)
    }

    static func delete(_ path: String, from url: String) async throws -> (status: Int, body: [UInt8]) {
        try await ask(.DELETE, path, of: url)
    }

    /// Reads an answer that should be a node's.
    static func decode<Answer: Decodable>(_ type: Answer.Type, _ body: [UInt8], from url: String) throws -> Answer {
        do { return try JSONDecoder().decode(type, from: Data(body)) } catch {
            throw Failure("\(url) gave no answer of a Starling node; look at the address given with --url")
        }
    }

    /// What an answer that is no success says, in the node's own words where it has some.
    static func failure(_ status: Int, _ body: [UInt8], from url: String) -> Failure {
        struct Problem: Decodable { let detail: String }
        let problem = try? JSONDecoder().decode(Problem.self, from: Data(body))
        return Failure("\(url) answered \(status): \(problem?.detail ?? "is that a node? Its log says why")")
    }

    /// Whether a node is ready. Nothing secret is sent, so that on this machine its certificate, which is made out to
    /// another name, need not be looked at.
    static func probe(_ url: String) async throws -> (status: Int, body: [UInt8]) {
        let host = URLComponents(string: url)?.host ?? ""
        let isHere = HostPort(host: host.trimmingCharacters(in: ["[", "]"]), port: 0).isLoopback
        var tls = try ClientAccess.tls()
        if isHere {
            tls = .makeClientConfiguration()
            tls?.certificateVerification = .none
        }
        return try await ask(.GET, "/readyz", of: url, key: nil, tls: tls)
    }

    /// - Parameters:
    ///   - json: the body; none without it.
    ///   - seconds: how long the node may take.
    static func ask(
        _ method: HTTPMethod, _ path: String, of url: String, json: [UInt8]? = nil, seconds: Int64 = secondsMax
    ) async throws -> (status: Int, body: [UInt8]) {
        let answer = try await ask(
            method, path, of: url, json: json, seconds: seconds, key: try ClientAccess.key(),
            tls: try ClientAccess.tls())
        if answer.status == 401 {
            let names = "\(ClientAccess.keyVariable) or \(ClientAccess.keyVariable)_FILE"
            throw Failure(
                try ClientAccess.key() == nil
                    ? "\(url) asks for a key: put one into \(names)"
                    : "\(url) does not know the key in \(names): put one there that it was given")
        }
        return answer
    }

    private static func ask(
        _ method: HTTPMethod, _ path: String, of url: String, json: [UInt8]? = nil, seconds: Int64 = secondsMax,
        key: String?, tls: TLSConfiguration?
    ) async throws -> (status: Int, body: [UInt8]) {
        var base = url.contains("://") ? url : "http://" + url
        while base.hasSuffix("/") { base.removeLast() }
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.tlsConfiguration = tls
        let client = HTTPClient(configuration: configuration)
        do {
            var request = HTTPClientRequest(url: base + path)
            request.method = method
            if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
            if let json {
                request.headers.add(name: "content-type", value: "application/json")
                request.body = .bytes(ByteBuffer(bytes: json))
            }
            let response = try await client.execute(request, timeout: .seconds(seconds))
            let body = try await response.body.collect(upTo: answerBytesMax)
            try await client.shutdown()
            return (Int(response.status.code), [UInt8](body.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw Failure(
                "no answer from \(base)\(path): \(HTTPReadingSender.reason(of: error)). Is a node running there? Start one "
                    + "with 'starling node' or 'cluster/up', or name another with --url")
        }
    }
}
