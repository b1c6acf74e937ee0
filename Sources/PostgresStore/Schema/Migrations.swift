/// The schema as numbered steps. A step that was released is never edited: a new one is added.
enum Migrations {
    /// `all[i]` leads from version i to version i + 1.
    static let all: [String] = [first, second, third, fourth]

    static var newest: Int32 { Int32(all.count) }

    /// Tables that are ours where there is `flock`, and somebody else's where there is not.
    static let tables = [
        "devices", "series", "reading_counts", "deleted_series", "model_ids", "readings", "outlines", "latest",
        "models", "checkpoints", "tombstones", "quarantine", "audit", "jobs", "ticks", "silences",
        "alerts", "deliveries", "mutes", "shadow_scores",
    ]

    /// Names are compared as bytes. `result` is `ScoreResult`'s raw value; the two partial indexes hold anomalies only.
    /// `reading_counts` is what `series.readings` still lacks. Numbers of 64 bits without a sign are kept bit for bit.
    /// Tables whose rows are changed again and again leave room on their pages, so that indexes are left alone.
    private static let first = """
        CREATE TABLE flock (
            id integer PRIMARY KEY CHECK (id = 1),
            uuid uuid NOT NULL,
            schema_version integer NOT NULL,
            deletions bigint NOT NULL DEFAULT 0
        );
        CREATE TABLE devices (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL UNIQUE,
            slot integer NOT NULL,
            first_seen timestamptz NOT NULL,
            last_heard timestamptz NOT NULL,
            hidden boolean NOT NULL DEFAULT false
        ) WITH (fillfactor = 80);
        CREATE INDEX devices_by_slot ON devices (slot);
        CREATE TABLE series (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            device bigint NOT NULL,
            metric text COLLATE "C" NOT NULL,
            readings bigint NOT NULL DEFAULT 0,
            UNIQUE (device, metric)
        ) WITH (fillfactor = 80);
        CREATE TABLE reading_counts (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            series bigint[] NOT NULL,
            readings bigint[] NOT NULL
        );
        CREATE TABLE deleted_series (series bigint PRIMARY KEY);
        CREATE TABLE model_ids (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            name text COLLATE "C" NOT NULL,
            version bigint NOT NULL,
            UNIQUE (name, version)
        );
        CREATE TABLE readings (
            time timestamptz NOT NULL,
            series bigint NOT NULL,
            value double precision NOT NULL CHECK (value < 'infinity' AND value > '-infinity'),
            score double precision NOT NULL,
            model integer NOT NULL,
            result smallint NOT NULL,
            late boolean NOT NULL,
            PRIMARY KEY (series, time, value)
        );
        CREATE INDEX anomalies_by_time ON readings (time) WHERE result = 1;
        CREATE INDEX anomalies_by_series ON readings (series, time) WHERE result = 1;
        CREATE TABLE outlines (
            series bigint NOT NULL,
            stretch timestamptz NOT NULL,
            low_time timestamptz,
            low double precision,
            low_score double precision,
            low_result smallint,
            high_time timestamptz,
            high double precision,
            high_score double precision,
            high_result smallint,
            peak_time timestamptz,
            peak double precision,
            peak_score double precision,
            PRIMARY KEY (series, stretch)
        );
        CREATE TABLE latest (
            series bigint PRIMARY KEY,
            time timestamptz NOT NULL,
            value double precision NOT NULL,
            score double precision NOT NULL,
            result smallint NOT NULL,
            late boolean NOT NULL,
            model integer NOT NULL,
            last_heard timestamptz NOT NULL,
            usual_interval bigint NOT NULL,
            state bytea NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE models (
            metric text COLLATE "C" NOT NULL,
            version bigint NOT NULL,
            name text COLLATE "C" NOT NULL,
            active boolean NOT NULL,
            trained_at timestamptz NOT NULL,
            readings bigint NOT NULL,
            document bytea NOT NULL,
            PRIMARY KEY (metric, version)
        );
        CREATE UNIQUE INDEX models_active ON models (metric) WHERE active;
        CREATE TABLE checkpoints (
            log uuid PRIMARY KEY,
            node text NOT NULL,
            position bigint NOT NULL,
            accepted bigint NOT NULL,
            stored bigint NOT NULL,
            duplicates bigint NOT NULL,
            discarded bigint NOT NULL,
            damaged bigint NOT NULL,
            writer bigint NOT NULL
        ) WITH (fillfactor = 50);
        CREATE TABLE tombstones (
            device text COLLATE "C" PRIMARY KEY,
            time timestamptz NOT NULL,
            slot integer NOT NULL
        );
        CREATE INDEX tombstones_by_time ON tombstones (time);
        CREATE INDEX tombstones_by_slot ON tombstones (slot, time DESC);
        CREATE TABLE quarantine (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            log uuid NOT NULL,
            position bigint NOT NULL,
            device text COLLATE "C" NOT NULL,
            metric text COLLATE "C" NOT NULL,
            time timestamptz NOT NULL,
            value text NOT NULL,
            reason text NOT NULL,
            at timestamptz NOT NULL
        );
        CREATE INDEX quarantine_by_device ON quarantine (device);
        CREATE TABLE audit (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            time timestamptz NOT NULL,
            job text NOT NULL,
            device text COLLATE "C",
            decision text NOT NULL,
            reason text NOT NULL,
            fencing_token bigint
        );
        """

    /// `last_heard` and `restored` have no index: each would be written anew with every device of every flush.
    /// A job's members are a line each.
    private static let second = """
        ALTER TABLE devices ADD COLUMN restored timestamptz;
        CREATE TABLE jobs (
            job text PRIMARY KEY,
            token bigint NOT NULL,
            holder text NOT NULL,
            last_run timestamptz,
            last_result text,
            waiting text,
            waiting_heard_through timestamptz,
            waiting_members text NOT NULL DEFAULT '',
            approved_heard_through timestamptz,
            approved_members text NOT NULL DEFAULT ''
        ) WITH (fillfactor = 50);
        CREATE TABLE ticks (
            id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            through timestamptz NOT NULL,
            total bigint NOT NULL
        );
        CREATE INDEX ticks_by_total ON ticks (total, id);
        CREATE TABLE silences (
            series bigint NOT NULL,
            start timestamptz NOT NULL,
            noticed timestamptz NOT NULL,
            ended timestamptz,
            value double precision NOT NULL,
            usual_interval bigint NOT NULL,
            PRIMARY KEY (series, start)
        );
        CREATE INDEX silences_by_start ON silences (start);
        CREATE INDEX silences_by_end ON silences (ended);
        """

    /// Anomalies say why. Most rows have none, which takes no room: an eighth column is the last whose absence a row's
    /// head has a bit for.
    /// `models.activated` is when a version was made the active one, the last time.
    private static let third = """
        ALTER TABLE readings ADD COLUMN reason text;
        ALTER TABLE flock ADD COLUMN models_revision bigint NOT NULL DEFAULT 1;
        ALTER TABLE models ADD COLUMN shadow boolean NOT NULL DEFAULT false, ADD COLUMN alarm_rate double precision,
            ADD COLUMN activated timestamptz;
        UPDATE models SET activated = trained_at WHERE active;
        CREATE UNIQUE INDEX models_shadow ON models (metric) WHERE shadow;
        CREATE TABLE shadow_scores (
            series bigint NOT NULL,
            time timestamptz NOT NULL,
            value double precision NOT NULL,
            version bigint NOT NULL,
            score double precision NOT NULL,
            PRIMARY KEY (series, time, value, version)
        );
        CREATE INDEX shadow_scores_by_time ON shadow_scores (time);
        """

    /// Enumerations by their raw values. Times of deliveries and mutes are the nodes'.
    private static let fourth = """
        CREATE TABLE alerts (
            id text COLLATE "C" PRIMARY KEY,
            kind text NOT NULL,
            cause text NOT NULL,
            device text COLLATE "C" NOT NULL,
            metric text COLLATE "C" NOT NULL,
            start timestamptz NOT NULL,
            through timestamptz NOT NULL,
            peak timestamptz NOT NULL,
            ended timestamptz,
            score double precision NOT NULL,
            value double precision NOT NULL,
            reason text NOT NULL,
            model text NOT NULL,
            model_version bigint NOT NULL,
            devices bigint NOT NULL,
            fate smallint NOT NULL
        );
        CREATE INDEX alerts_open ON alerts (start) WHERE ended IS NULL;
        CREATE INDEX alerts_by_end ON alerts (ended);
        CREATE INDEX alerts_by_device ON alerts (device);
        CREATE INDEX incidents_by_start ON alerts (start) WHERE kind = 'fleet';
        CREATE TABLE deliveries (
            alert text COLLATE "C" NOT NULL,
            event smallint NOT NULL,
            target text COLLATE "C" NOT NULL,
            body bytea NOT NULL,
            created timestamptz NOT NULL,
            state smallint NOT NULL,
            attempts bigint NOT NULL,
            next timestamptz NOT NULL,
            PRIMARY KEY (alert, event, target)
        );
        CREATE INDEX deliveries_pending ON deliveries (created) WHERE state = 0;
        CREATE INDEX deliveries_by_age ON deliveries (created);
        CREATE TABLE mutes (
            device text COLLATE "C" NOT NULL,
            metric text COLLATE "C" NOT NULL,
            since timestamptz NOT NULL,
            until timestamptz,
            reason text NOT NULL,
            PRIMARY KEY (device, metric)
        );
        """
}
