import HTTPTypes
import NIOCore
import Ports
import Telemetry

/// `/devices` and `/devices/{id}`: who was ever heard, and how to forget them.
extension Handlers {
    /// All devices unless `limit` says fewer, as one array that leaves page by page.
    func getDevices(_ call: Call) async throws -> Answer {
        let query = try call.query()
        let limit = try query.integer("limit", in: 1...HTTPLimits.devicesLimitMax) ?? Int.max
        let after = try query.device("after")
        let first = try await page(after: after, limit: limit)
        return Answer(
            headers: [.contentType: MediaType.json, .cacheControl: "no-store"],
            body: .stream { stream in
                var json = JSONWriter(capacity: 64 << 10)
                json.beginArray()
                var page = first
                var left = limit
                while true {
                    for device in page { json.write(device) }
                    left -= page.count
                    guard page.count >= HTTPLimits.devicesPageMax, left > 0, let last = page.last else { break }
                    try await stream.write(json.takeBuffer())
                    try Task.checkCancellation()
                    page = try await self.page(after: last.device, limit: left)
                }
                json.endArray()
                try await stream.write(json.takeBuffer())
            })
    }

    private func page(after: DeviceID?, limit: Int) async throws(Problem) -> [DeviceRow] {
        do {
            return try await node.devices(after: after, limit: min(limit, HTTPLimits.devicesPageMax))
        } catch {
            throw problem(of: error)
        }
    }

    func getDevice(_ call: Call) async throws -> Answer {
        let device = try Self.device(of: call)
        let row: DeviceRow?
        do {
            row = try await node.device(device)
        } catch {
            throw problem(of: error)
        }
        guard let row else { throw Self.unknownDevice }
        var json = JSONWriter()
        json.write(row)
        return Answer(json: json, headers: [.cacheControl: "no-store"])
    }

    func deleteDevice(_ call: Call) async throws -> Answer {
        let device = try Self.device(of: call)
        let existed: Bool
        do {
            existed = try await node.delete(device)
        } catch {
            throw problem(of: error)
        }
        guard existed else { throw Self.unknownDevice }
        return Answer(.noContent)
    }

    /// `POST /devices/{id}/restore`: out of hiding.
    func postRestore(_ call: Call) async throws -> Answer {
        let device = try Self.device(of: call)
        let existed: Bool
        do {
            existed = try await node.restore(device)
        } catch {
            throw problem(of: error)
        }
        guard existed else { throw Self.unknownDevice }
        return try await getDevice(call)
    }

    private static let unknownDevice = Problem.notFound("nobody knows this device: /devices lists those there are")

    /// The path's device, decoded here and nowhere else.
    private static func device(of call: Call) throws(Problem) -> DeviceID {
        guard let text = PercentCoding.decode(call.parameter, plusIsSpace: false) else {
            throw .badRequest("the device in the path is not percent-encoded UTF-8")
        }
        guard let device = DeviceID(text) else {
            throw .badRequest("a device_id is 1 to \(DeviceID.utf8CountMax) bytes without control characters")
        }
        return device
    }
}

extension JSONWriter {
    mutating func write(_ row: DeviceRow) {
        object { json in
            json.key("device_id")
            json.value(row.device.text)
            json.key("types")
            json.array(row.metrics) { $0.value($1.text) }
            json.key("first_seen")
            json.value(row.firstSeen)
            json.key("last_heard")
            json.value(row.lastHeard)
            json.key("state")
            json.value(row.isHidden ? "hidden" : "active")
            json.key("readings")
            json.value(row.readings)
        }
    }
}
