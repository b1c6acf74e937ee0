import Foundation
import HTTPTypes
package import Logging
import NIOCore
import ReadingFormats

/// The dashboard's files and `openapi.json`, read once at the start and kept packed and plain.
package struct DashboardFiles: Sendable {
    struct File: Sendable {
        let type: String
        let plain: ByteBuffer
        /// Only where it is smaller.
        let packed: ByteBuffer?
        let tag: String

        /// Packed once, sent often.
        private static let packingLevel = 9

        init(type: String, bytes: [UInt8]) {
            self.type = type
            plain = ByteBuffer(bytes: bytes)
            let packed = GzipEncoder.encode(bytes, level: Self.packingLevel)
            self.packed = packed.count < bytes.count ? ByteBuffer(bytes: packed) : nil
            var hash = FNV1a()
            hash.combine(bytes)
            tag = "W/\"\(hash.text)\""
        }
    }

    /// In the addresses of the files, so that they may be kept for ever: another content has another address.
    let version: String
    let index: File
    /// By their paths within the dashboard's folder, such as `fleet/stream.js`.
    let assets: [String: File]
    let openAPI: File
    let signIn: SignInPage
    /// False when the charting library is not on this machine.
    package let hasCharts: Bool

    /// Stands in `index.html` where the version goes.
    private static let versionMark = "__VERSION__"
    /// Stands where the modules are announced: the browser then asks for all at once, not for one after the other as it
    /// finds them imported.
    private static let modulesMark = "  <!-- modules -->\n"
    private static let chartFileNames = ["chart.min.js", "Chart.min.js", "chart.js", "Chart.js"]
    private static let types = [
        "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
    ]

    /// - Parameter folder: the dashboard's; nil for the one that belongs to the program.
    package init(folder: String? = nil, chartFolder: String, logger: Logger) throws(HTTPAPIError) {
        let folder = folder ?? Self.resources + "/Dashboard"
        var contents: [String: [UInt8]] = [:]
        for path in try Self.paths(in: folder) {
            contents[path] = try Self.read(folder + "/" + path)
        }
        guard let page = contents.removeValue(forKey: "index.html") else {
            throw .resourceMissing(folder + "/index.html")
        }
        let signInPath = Self.resources + "/sign-in.html"
        guard let signIn = SignInPage(String(decoding: try Self.read(signInPath), as: UTF8.self)) else {
            throw .resourceMissing(signInPath)
        }
        self.signIn = signIn
        let chart = Self.chartFileNames.lazy.compactMap { try? Self.read(chartFolder + "/" + $0) }.first
        if let chart {
            contents["chart.js"] = chart
        } else {
            logger.warning(
                "the dashboard has no charts: no chart.min.js; install libjs-chart.js or name its folder",
                metadata: ["folder": "\(chartFolder)"])
        }
        hasCharts = chart != nil

        var hash = FNV1a()
        for (path, bytes) in contents.sorted(by: { $0.key < $1.key }) {
            hash.combine(path.utf8)
            hash.combine(bytes)
        }
        version = hash.text
        assets = contents.reduce(into: [:]) { assets, entry in
            let ending = String(entry.key.split(separator: ".").last ?? "")
            assets[entry.key] = Self.types[ending].map { File(type: $0, bytes: entry.value) }
        }
        let text = String(decoding: page, as: UTF8.self)
            .replacing(Self.modulesMark, with: Self.preloads(of: contents.keys.sorted()))
            .replacing(Self.versionMark, with: version)
        index = File(type: MediaType.html, bytes: Array(text.utf8))
        openAPI = File(type: MediaType.json, bytes: try Self.read(Self.resources + "/openapi.json"))
    }

    private static func preloads(of paths: [String]) -> String {
        paths.lazy.filter { $0.hasSuffix(".js") && $0 != "chart.js" }
            .map { "  <link rel=\"modulepreload\" href=\"/assets/\(versionMark)/\($0)\">\n" }.joined()
    }

    private static var resources: String { Bundle.module.resourcePath ?? Bundle.module.bundlePath }

    /// Files in the folder and in those within it, relative to it. What lies deeper than the limit is not served: a link
    /// that leads in a circle ends there.
    private static func paths(in folder: String, below levels: Int = 0) throws(HTTPAPIError) -> [String] {
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw .resourceMissing(folder)
        }
        var paths: [String] = []
        for name in names.sorted() {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder) else { continue }
            if !isFolder.boolValue {
                paths.append(name)
            } else if levels < HTTPLimits.assetLevelsMax {
                paths += try Self.paths(in: folder + "/" + name, below: levels + 1).map { name + "/" + $0 }
            }
        }
        return paths
    }

    private static func read(_ path: String) throws(HTTPAPIError) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path), data.count <= HTTPLimits.assetBytesMax else {
            throw .resourceMissing(path)
        }
        return [UInt8](data)
    }
}
