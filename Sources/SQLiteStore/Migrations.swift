import HashRing
import Ports
import Telemetry

/// The schema as numbered steps. A step that was released is never edited: a new one is added.
enum Migrations {
    /// `migrations[i]` leads from version i to version i + 1.
    static let all: [String] = [first, second, third, fourth, fifth]

    static var newest: Int64 { Int64(all.count) }

    /// Names are TEXT in BINARY collation: compared as bytes. Times are microseconds since 1970. `readings` has no
    /// rowid: its primary key is the table, so a series lies together in time order. `result` is `ScoreResult`'s raw
    /// value; the two partial indexes hold anomalies only. `reading_counts` is what `series.readings` still lacks.
    private static let first = """
        CREATE TABLE flock (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            uuid TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            deletions INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE devices (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE BINARY UNIQUE,
            slot INTEGER NOT NULL,
            first_seen INTEGER NOT NULL,
            last_heard INTEGER NOT NULL,
            hidden INTEGER NOT NULL DEFAULT 0
        );
        CREATE INDEX devices_by_slot ON devices (slot);
        CREATE TABLE series (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            device INTEGER NOT NULL,
            metric TEXT NOT NULL COLLATE BINARY,
            readings INTEGER NOT NULL DEFAULT 0,
            UNIQUE (device, metric)
        );
        CREATE TABLE reading_counts (
            id INTEGER PRIMARY KEY,
            series INTEGER NOT NULL,
            counts BLOB NOT NULL
        );
        CREATE TABLE deleted_series (series INTEGER PRIMARY KEY);
        CREATE TABLE model_ids (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL COLLATE BINARY,
            version INTEGER NOT NULL,
            UNIQUE (name, version)
        );
        CREATE TABLE readings (
            series INTEGER NOT NULL,
            time INTEGER NOT NULL,
            value REAL NOT NULL,
            score REAL NOT NULL,
            result INTEGER NOT NULL,
            late INTEGER NOT NULL,
            model INTEGER NOT NULL,
            PRIMARY KEY (series, time, value)
        ) WITHOUT ROWID;
        CREATE INDEX anomalies_by_time ON readings (time) WHERE result = 1;
        CREATE INDEX anomalies_by_series ON readings (series, time) WHERE result = 1;
        CREATE TABLE latest (
            series INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            value REAL NOT NULL,
            score REAL NOT NULL,
            result INTEGER NOT NULL,
            late INTEGER NOT NULL,
            model INTEGER NOT NULL,
            last_heard INTEGER NOT NULL,
            usual_interval INTEGER NOT NULL,
            state BLOB NOT NULL
        );
        CREATE TABLE models (
            metric TEXT NOT NULL COLLATE BINARY,
            version INTEGER NOT NULL,
            name TEXT NOT NULL COLLATE BINARY,
            active INTEGER NOT NULL,
            trained_at INTEGER NOT NULL,
            readings INTEGER NOT NULL,
            document BLOB NOT NULL,
            PRIMARY KEY (metric, version)
        );
        CREATE UNIQUE INDEX models_active ON models (metric) WHERE active = 1;
        CREATE TABLE checkpoints (
            log TEXT PRIMARY KEY,
            node TEXT NOT NULL,
            position INTEGER NOT NULL,
            accepted INTEGER NOT NULL,
            stored INTEGER NOT NULL,
            duplicates INTEGER NOT NULL,
            discarded INTEGER NOT NULL,
            damaged INTEGER NOT NULL
        );
        CREATE TABLE tombstones (
            device TEXT PRIMARY KEY COLLATE BINARY,
            time INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX tombstones_by_time ON tombstones (time);
        CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY,
            log TEXT NOT NULL,
            position INTEGER NOT NULL,
            device TEXT NOT NULL COLLATE BINARY,
            metric TEXT NOT NULL COLLATE BINARY,
            time INTEGER NOT NULL,
            value TEXT NOT NULL,
            reason TEXT NOT NULL,
            at INTEGER NOT NULL
        );
        CREATE INDEX quarantine_by_device ON quarantine (device);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            job TEXT NOT NULL,
            device TEXT,
            decision TEXT NOT NULL,
            reason TEXT NOT NULL,
            fencing_token INTEGER
        );
        """

    /// `writer` is a `WriterID` bit for bit. A tombstone's slot is looked up by owners that warm up; SQL cannot compute
    /// it, so rows that were there, or that a program of before still writes, have `slotToFill` until the next opening.
    private static let second = """
        ALTER TABLE checkpoints ADD COLUMN writer INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE tombstones ADD COLUMN slot INTEGER NOT NULL DEFAULT \(slotToFill);
        CREATE INDEX tombstones_by_slot ON tombstones (slot, time DESC);
        """

    private static let slotToFill: Int64 = -1

    /// `last_heard` and `restored` have no index: each would be written with every device of every flush. A job's members
    /// are a line each.
    private static let third = """
        ALTER TABLE devices ADD COLUMN restored INTEGER;
        CREATE TABLE jobs (
            job TEXT PRIMARY KEY,
            token INTEGER NOT NULL,
            holder TEXT NOT NULL,
            last_run INTEGER,
            last_result TEXT,
            waiting TEXT,
            waiting_heard_through INTEGER,
            waiting_members TEXT NOT NULL DEFAULT '',
            approved_heard_through INTEGER,
            approved_members TEXT NOT NULL DEFAULT ''
        );
        CREATE TABLE ticks (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            through INTEGER NOT NULL,
            total INTEGER NOT NULL
        );
        CREATE INDEX ticks_by_total ON ticks (total);
        CREATE TABLE silences (
            series INTEGER NOT NULL,
            start INTEGER NOT NULL,
            noticed INTEGER NOT NULL,
            ended INTEGER,
            value REAL NOT NULL,
            usual_interval INTEGER NOT NULL,
            PRIMARY KEY (series, start)
        ) WITHOUT ROWID;
        CREATE INDEX silences_open ON silences (start) WHERE ended IS NULL;
        CREATE INDEX silences_by_start ON silences (start) WHERE ended IS NOT NULL;
        CREATE INDEX silences_by_end ON silences (ended, start) WHERE ended IS NOT NULL;
        """

    /// Enumerations by their raw values. Times of deliveries and mutes are the nodes'.
    private static let fourth = """
        CREATE TABLE alerts (
            id TEXT PRIMARY KEY COLLATE BINARY,
            kind TEXT NOT NULL,
            cause TEXT NOT NULL,
            device TEXT NOT NULL COLLATE BINARY,
            metric TEXT NOT NULL COLLATE BINARY,
            start INTEGER NOT NULL,
            through INTEGER NOT NULL,
            peak INTEGER NOT NULL,
            ended INTEGER,
            score REAL NOT NULL,
            value REAL NOT NULL,
            reason TEXT NOT NULL,
            model TEXT NOT NULL,
            model_version INTEGER NOT NULL,
            devices INTEGER NOT NULL,
            fate INTEGER NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX alerts_open ON alerts (start) WHERE ended IS NULL;
        CREATE INDEX alerts_by_end ON alerts (ended) WHERE ended IS NOT NULL;
        CREATE INDEX alerts_by_device ON alerts (device);
        CREATE INDEX incidents_by_start ON alerts (start) WHERE kind = 'fleet';
        CREATE TABLE deliveries (
            alert TEXT NOT NULL COLLATE BINARY,
            event INTEGER NOT NULL,
            target TEXT NOT NULL COLLATE BINARY,
            body BLOB NOT NULL,
            created INTEGER NOT NULL,
            state INTEGER NOT NULL,
            attempts INTEGER NOT NULL,
            next INTEGER NOT NULL,
            PRIMARY KEY (alert, event, target)
        ) WITHOUT ROWID;
        CREATE INDEX deliveries_pending ON deliveries (created) WHERE state = 0;
        CREATE INDEX deliveries_by_age ON deliveries (created);
        CREATE TABLE mutes (
            device TEXT NOT NULL COLLATE BINARY,
            metric TEXT NOT NULL COLLATE BINARY,
            since INTEGER NOT NULL,
            until INTEGER,
            reason TEXT NOT NULL,
            PRIMARY KEY (device, metric)
        ) WITHOUT ROWID;
        """

    /// Gives the tombstones their slot that have none yet.
    static func fillSlots(_ connection: Connection) throws(StoreError) {
        let select = try connection.prepare("SELECT device FROM tombstones WHERE slot = \(slotToFill)")
        var devices: [DeviceID] = []
        while try select.step() { devices.append(DeviceID(unchecked: select.text(0))) }
        let update = try connection.prepare("UPDATE tombstones SET slot = ? WHERE device = ?")
        for device in devices {
            try update.bind(Int64(Slot(of: device).number), 1)
            try update.bind(device.text, 2)
            try update.run()
        }
    }

    /// Anomalies say why. Most rows have none, which takes a byte. `models.activated` is when a version was made the active
    /// one, the last time.
    private static let fifth = """
        ALTER TABLE readings ADD COLUMN reason TEXT;
        ALTER TABLE flock ADD COLUMN models_revision INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE models ADD COLUMN shadow INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE models ADD COLUMN alarm_rate REAL;
        ALTER TABLE models ADD COLUMN activated INTEGER;
        UPDATE models SET activated = trained_at WHERE active = 1;
        CREATE UNIQUE INDEX models_shadow ON models (metric) WHERE shadow = 1;
        CREATE TABLE shadow_scores (
            series INTEGER NOT NULL,
            time INTEGER NOT NULL,
            value REAL NOT NULL,
            version INTEGER NOT NULL,
            score REAL NOT NULL,
            PRIMARY KEY (series, time, value, version)
        ) WITHOUT ROWID;
        CREATE INDEX shadow_scores_by_time ON shadow_scores (time);
        """
}
