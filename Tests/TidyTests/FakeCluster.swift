import Foundation

/// The scripts of `cluster/` in a folder of their own, with programs that only pretend: what is tested is how the scripts
/// start, find, stop and tell, not what a node does.
struct FakeCluster {
    let folder: URL
    /// The HTTP port of node 0, and its gossip port; those of the nodes after it were free, too.
    let port: UInt16
    let gossipPort: UInt16
    private var environment: [String: String]

    /// Says it is ready as soon as it runs, and stops on SIGTERM. Sees all others that run, unless `FAKE_BLIND` is set.
    static let goodNode = """
        #!/bin/bash
        runs() { [[ -e $FAKE_NODES/$1 && -d /proc/$(cat "$FAKE_NODES/$1") ]]; }
        url=${!#}
        case $1 in
        health) runs "${url##*:}" ;;
        cluster)
            runs "${url##*:}" || exit 1
            for file in "$FAKE_NODES"/*; do
                [[ -z $FAKE_BLIND || ${file##*/} == "${url##*:}" ]] || continue
                if runs "${file##*/}"; then echo '{"status":"alive"}'; else echo '{"status":"dead"}'; fi
            done ;;
        node)
            echo $$ >"$FAKE_NODES/${5##*:}"
            echo "node $*"
            echo "store ${STARLING_STORE_FILE:-none}, lease ${STARLING_LEASE_FILE:-none}"
            trap 'echo bye; exit 0' TERM
            while :; do read -rt 1 <> <(:); done ;;
        simulate) echo "simulate $*"; trap 'exit 0' TERM; while :; do read -rt 1 <> <(:); done ;;
        esac
        """

    /// Fails at once.
    static let badNode = """
        #!/bin/bash
        [[ $1 != health ]] || exit 1
        echo "cannot open the store"; exit 1
        """

    /// Are the programs there that `up --postgres` starts?
    static var hasServers: Bool {
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let postgres = versions.contains {
            FileManager.default.isExecutableFile(atPath: "/usr/lib/postgresql/\($0)/bin/postgres")
        }
        return postgres && Tool.find("redis-server") != nil && Tool.find("psql") != nil
    }

    /// - Parameter folder: an empty one.
    init(in folder: URL, program: String = goodNode) throws {
        self.folder = folder
        port = try LoopbackListener.freePorts(Self.nodesMax)
        gossipPort = try LoopbackListener.freePorts(Self.nodesMax, apartFrom: port)
        let manager = FileManager.default
        try manager.copyItem(at: Repository.root.appending(path: "cluster"), to: folder.appending(path: "cluster"))
        for name in [".build/release", "bin", "nodes"] {
            try manager.createDirectory(at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        environment = [
            "PATH": folder.appending(path: "bin").path + ":/usr/bin:/bin:/usr/sbin",
            "STARLING_RUN_DIR": folder.appending(path: "run").path,
            "STARLING_HTTP_BASE": "\(port)",
            "STARLING_GOSSIP_BASE": "\(gossipPort)",
            "FAKE_NODES": folder.appending(path: "nodes").path,
        ]
        try install(".build/release/starling", program)
        try install("bin/swift", "#!/bin/bash\n[[ $1 != --version ]] || echo 'Swift version 6.3.1 (fake)'\n")
        try install("bin/dpkg-query", "#!/bin/bash\necho installed\n")
        try install("bin/apt-get", "#!/bin/bash\necho 'apt-get must not be called' >&2\nexit 1\n")
    }

    /// The most nodes that a test starts.
    static let nodesMax: UInt16 = 4

    func install(_ path: String, _ text: String) throws {
        let file = folder.appending(path: path)
        try text.write(to: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
    }

    mutating func set(_ name: String, to value: String?) {
        environment[name] = value
    }

    /// Runs a script to its end, and to the end of its output: a process that it left behind with the caller's output
    /// open would hold this up.
    func run(_ script: String, _ arguments: String...) throws -> Tool.Result {
        try Tool.run(
            folder.appending(path: "cluster/\(script)").path, arguments, in: folder, environment: environment)
    }

    func read(_ path: String) throws -> String {
        try String(contentsOf: folder.appending(path: path), encoding: .utf8)
    }

    /// Waits until a process has written that: it was started, nobody waits for its first words.
    func waitUntil(_ path: String, says text: String) -> Bool {
        for _ in 0..<Self.looksMax {
            if (try? read(path))?.contains(text) == true { return true }
            _ = poll(nil, 0, Self.lookMilliseconds)
        }
        return false
    }

    private static let looksMax = 1_500
    private static let lookMilliseconds: Int32 = 20

    func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appending(path: path).path)
    }

    /// What the last start of a node was told to join; nil for nobody.
    func joins(of index: UInt16) throws -> String? {
        let words = try read("run/n\(index).log").split { $0 == " " || $0 == "\n" }
        return words.lastIndex(of: "--join").map { String(words[$0 + 1]) }
    }

    /// The gossip addresses of all nodes but one.
    func gossip(allBut index: UInt16, of count: UInt16) -> String {
        (0..<count).filter { $0 != index }.map { "127.0.0.1:\(gossipPort + $0)" }.joined(separator: ",")
    }

    /// The process id that a pid file names.
    func pid(_ name: String) throws -> Int32? {
        Int32(try read("run/\(name).pid").split(separator: " ").first ?? "")
    }

    /// Runs `body` with a fake cluster, and stops whatever it left running.
    static func use(program: String = goodNode, _ body: (inout FakeCluster) throws -> Void) throws {
        try Tool.withFolder { folder in
            var cluster = try FakeCluster(in: folder, program: program)
            let own = cluster
            defer { _ = try? own.run("down") }
            try body(&cluster)
        }
    }
}
