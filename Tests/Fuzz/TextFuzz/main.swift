import Access
import FuzzKit
import NodeSettings
import Telemetry

// Small texts: times, waits, ids, and the values of settings; the first byte says which. What is read is the same when
// written and read again.

func checkTime(_ text: String) {
    guard let time = Instant(rfc3339: text) else { return }
    let written = time.description
    // An offset may lead out of the years that have four digits.
    guard written.utf8.count <= 27, !written.hasPrefix("-") else { return }
    precondition(Instant(rfc3339: written) == time, "\(text) is \(written)")
}

func checkEpoch(_ bytes: UnsafeRawBufferPointer) {
    let number = bytes.prefix(8).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    let time = Instant(microseconds: Int64(bitPattern: number))
    precondition(!time.description.isEmpty)
    guard (0...253_402_300_799_999_999).contains(time.microseconds) else { return }
    precondition(Instant(rfc3339: time.description) == time, "\(time)")
}

func checkRetryAfter(_ text: String) {
    guard let wait = RetryAfter.microseconds(text, now: .epoch) else { return }
    precondition((0...RetryAfter.longestSeconds * 1_000_000).contains(wait), "\(text) is \(wait)")
}

func checkDuration(_ text: String) {
    guard let duration = try? DurationText.parse(text) else { return }
    precondition(duration > .zero && duration <= DurationText.longest, "\(text) is \(duration)")
    precondition((try? DurationText.parse(DurationText.text(duration))) == duration, "\(text) is \(duration)")
}

func checkSize(_ text: String) {
    guard let size = try? SizeText.parse(text) else { return }
    precondition(size > 0 && (try? SizeText.parse(SizeText.text(size))) == size, "\(text) is \(size)")
}

func checkPlace(_ text: String) {
    for place in (try? HostPort.parseList(text)) ?? [] {
        precondition((try? HostPort.parse(place.description)) == place, "\(text) is \(place)")
        _ = place.isLoopback || place.isWildcard || place.isNumeric
    }
}

func checkAddresses(_ text: String) {
    if let store = try? StoreAddress.parse(text) {
        guard case .sqlite(let path) = store else { return }
        precondition((try? StoreAddress.parse("sqlite:\(path)")) == store, "\(text) is \(store)")
    }
    if let lease = try? LeaseAddress.parse(text), case .file(let path) = lease {
        precondition((try? LeaseAddress.parse("file:\(path)")) == lease, "\(text) is \(lease)")
    }
}

func checkValues(_ text: String) {
    _ = try? SettingValues.name(text)
    if let rate = try? SettingValues.rate(text, of: "device") {
        precondition(rate > 0 && rate.isFinite, "\(text) is \(rate)")
    }
    if let hooks = try? SettingValues.webhooks(text) { precondition(hooks.count <= SettingValues.webhooksMax) }
    if let patterns = try? SettingValues.patterns(text) {
        // With a space, since a mark that stands on nothing would stand on the comma, which then is none.
        precondition((try? SettingValues.patterns(patterns.joined(separator: ", "))) == patterns, "\(text)")
    }
    if let origins = try? SettingValues.origins(text) {
        precondition((try? SettingValues.origins(origins.joined(separator: ", "))) == origins, "\(text)")
    }
    if let keys = try? SettingValues.apiKeys(text) {
        let again = try? SettingValues.apiKeys(keys.map(written).joined(separator: "\n"))
        precondition(again == keys, "\(text)")
    }
    if let keys = try? SettingValues.clusterKeys(text) { precondition(keys.count <= SettingValues.clusterKeysMax) }
    _ = try? (SettingValues.flag(text), SettingValues.logLevel(text), SettingValues.logFormat(text))
}

func written(_ key: KeyEntry) -> String {
    let scopes = Scope.allCases.filter(key.scopes.contains).map(\.rawValue).joined(separator: "+")
    let devices = key.devices.isEmpty ? "" : "@" + key.devices.map(\.text).joined(separator: "|")
    switch key.secret {
    case .plain(let text): return "\(scopes)\(devices):\(text)"
    case .digest(let bytes): return "\(scopes)\(devices):sha256:\(HexText.text(of: bytes))"
    }
}

func checkFile(_ bytes: UnsafeRawBufferPointer) {
    do throws(SettingsError) {
        let file = try SettingsFile(path: "f", bytes: Array(bytes))
        precondition(file.values.count <= Setting.allCases.count)
    } catch {
        precondition(error.message.contains("f"), "\(error) names no file")
    }
}

func checkIdentity(_ text: String) {
    guard let log = LogID(text) else { return }
    precondition(LogID(log.description) == log, "\(text) is \(log)")
}

try Fuzzer.run(seeds: Seeds.all) { bytes in
    guard let (first, rest) = bytes.divided() else { return }
    let text = String(decoding: rest, as: UTF8.self)
    switch first % 10 {
    case 0: checkTime(text)
    case 1: checkEpoch(rest)
    case 2: checkRetryAfter(text)
    case 3: checkDuration(text)
    case 4: checkSize(text)
    case 5: checkPlace(text)
    case 6: checkAddresses(text)
    case 7: checkValues(text)
    case 8: checkFile(rest)
    default: checkIdentity(text)
    }
}
