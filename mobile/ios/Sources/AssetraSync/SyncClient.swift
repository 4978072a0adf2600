import Foundation

public struct Options {
    /// Names this device to the server and never changes: an edit sent again under another name is another edit.
    public let device: String
    /// Items of one request; the server takes 1,000.
    public var batch = 500
    /// Of the items of one request; the server takes 5 MiB.
    public var bytes = 1_000_000
    /// Assets of one page.
    public var limit = 500

    public init(device: String) { self.device = device }
}

/// What an app needs to work without a network. Everything but `sync` and `syncUntilDone` returns without waiting for one, and
/// what is captured is on disk when the call returns. Safe from any thread.
public final class SyncClient {
    private let store: Store
    private let session: Session
    private let options: Options
    private let backoff: Backoff
    private let clock: DeviceClock
    private let underWay = NSLock()

    public init(
        journal: Journal,
        session: Session,
        options: Options,
        backoff: Backoff = Backoff(),
        clock: DeviceClock = SystemClock()
    ) throws {
        self.store = try Store(journal: journal)
        self.session = session
        self.options = options
        self.backoff = backoff
        self.clock = clock
    }

    /// `more` holds further fields of a scan event, such as location or asset. Returns its client_event_id, under which the
    /// server keeps it once however often it is sent. Throws when it could not be stored: tell the person.
    @discardableResult
    public func captureScan(
        _ rawValue: String,
        symbology: String,
        sourceType: String = "camera",
        more: Json = [:]
    ) throws -> String {
        let id = newId()
        var body = more
        body["client_event_id"] = id
        body["raw_value"] = rawValue
        body["symbology"] = symbology
        body["source_type"] = sourceType
        body["captured_at"] = now()
        try store.queue(Item(kind: .scan, key: id, body: body))
        return id
    }

    /// Only the fields that the person changed. The asset must be one of `asset`. Returns the key of the edit.
    @discardableResult
    public func captureEdit(_ assetId: Int64, fields: Json) throws -> String {
        let id = newId()
        guard let row = store.read({ $0.replica[assetId] }) else { throw SyncError.notOnThisDevice(asset: assetId) }
        let body: Json = [
            "client_event_id": id,
            "id": NSNumber(value: assetId),
            "base_updated_at": try Json(data: row).text("updated_at"),
            "captured_at": now(),
            "fields": fields
        ]
        try store.queue(Item(kind: .edit, key: id, body: body))
        return id
    }

    /// The asset with what is still to be sent written over it; nil when it is not there or deleted.
    public func asset(_ id: Int64) throws -> Json? {
        try store.read { state -> Json? in
            guard let row = state.replica[id] else { return nil }
            return overlay(try Json(data: row), try edits(of: state)[id] ?? [])
        }
    }

    /// All of them; for a long list ask for `assetIds` and then for those that are shown.
    public func assets() throws -> [Json] {
        try store.read { state -> [Json] in
            let pending = try edits(of: state)
            return try state.replica.sorted { $0.key < $1.key }.map { entry in
                overlay(try Json(data: entry.value), pending[entry.key] ?? [])
            }
        }
    }

    public func assetIds() -> [Int64] { store.read { $0.replica.keys.sorted() } }

    /// Scans, edits and acknowledgements that the server has not named yet, oldest first.
    public func waiting() -> [Item] { store.read { $0.outbox.values } }

    public func rejected() -> [Rejected] { store.read { $0.rejected.values } }

    /// Queues a rejected item again, as it was: after someone has put right what it was refused for.
    public func retry(_ key: String) throws {
        if let item = store.read({ $0.rejected[key]?.item }) { try store.queue(item) }
    }

    /// Forgets a rejected item for good; a conflict whose acknowledgement it is, too.
    public func discard(_ key: String) throws { try store.discard(key) }

    /// Those that nobody has acknowledged, and those whose acknowledgement is still to be sent.
    public func conflicts() -> [Conflict] { store.read { $0.conflicts.values } }

    /// The conflict goes when the server has confirmed it.
    public func acknowledge(_ conflictId: String, _ resolution: Resolution) throws {
        let body: Json = ["conflict_id": conflictId, "resolution": resolution.rawValue, "resolved_at": now()]
        try store.queue(Item(kind: .acknowledgement, key: Item.acknowledgementKey(conflictId), body: body))
    }

    /// Server minus device clock in ms, as last seen.
    public func clockOffset() -> Int64 { store.read { $0.clockOffset } }

    /// Waits for the network; never on the main thread. One at a time.
    public func sync() -> SyncResult {
        guard underWay.try() else { return .busy }
        defer { underWay.unlock() }
        return SyncPass(store: store, session: session, options: options, backoff: backoff, clock: clock).run()
    }

    /// Tries again as long as it is told to come later, at most `attempts` times; for apps without a scheduler of their own.
    public func syncUntilDone(
        attempts: Int = 8,
        sleep: (TimeInterval) -> Void = { Thread.sleep(forTimeInterval: $0) }
    ) -> SyncResult {
        var result = sync()
        for _ in 1..<max(attempts, 1) {
            guard case .later(let seconds, _) = result else { return result }
            sleep(seconds)
            result = sync()
        }
        return result
    }

    public func close() throws { try store.close() }

    private func newId() -> String { UUID().uuidString.lowercased() }

    private func now() -> String { Times.text(clock.now() + clockOffset()) }

    private func edits(of state: State) throws -> [Int64: [Json]] {
        var edits: [Int64: [Json]] = [:]
        for item in state.outbox.values where item.kind == .edit {
            edits[try item.body.integer("id"), default: []].append(try item.body.object("fields"))
        }
        return edits
    }

    private func overlay(_ row: Json, _ edits: [Json]) -> Json {
        edits.reduce(row) { shown, fields in shown.merging(fields) { _, pending in pending } }
    }
}
