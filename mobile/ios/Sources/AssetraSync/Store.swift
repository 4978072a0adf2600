import Foundation

/// The state and its journal: what is changed is on disk first. Safe to call from any thread; never waits for the network.
final class Store {
    private let journal: Journal
    private var state = State()
    private var sizeWhenRewritten: UInt64 = 0
    private let lock = NSRecursiveLock()

    init(journal: Journal) throws {
        self.journal = journal
        let whole = try journal.replay { try state.apply(Json(data: $0)) }
        if whole {
            rewriteWhenLong()
        } else {
            // Something was lost between the entries: what is there is kept, and the replica is fetched anew beside it.
            try write(["op": "answer", "reset": true])
            rewrite()
        }
    }

    func read<Result>(_ look: (State) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try look(state)
    }

    func write(_ entry: Json) throws {
        lock.lock()
        defer { lock.unlock() }
        try journal.append(entry.data())
        try state.apply(entry)
        rewriteWhenLong()
    }

    func queue(_ item: Item) throws { try write(["op": "queue", "item": item.json]) }

    func discard(_ key: String) throws { try write(["op": "discard", "key": key]) }

    func setAside(_ item: Item, reason: String) throws {
        try write(["op": "answer", "rejected": [["key": item.key, "reason": reason]]])
    }

    /// The oldest items that are not in `except`: at most `count` of them and, save for a single one, `bytes`.
    func batch(count: Int, bytes: Int, except: Set<String>) throws -> [Item] {
        var batch: [Item] = []
        var length = 0
        for item in read({ $0.outbox.values }) where !except.contains(item.key) {
            length += try item.body.data().count
            if batch.count == count || (!batch.isEmpty && length > bytes) { break }
            batch.append(item)
        }
        return batch
    }

    func close() throws {
        lock.lock()
        defer { lock.unlock() }
        try journal.close()
    }

    /// At twice the length, so that it costs in proportion to what was written.
    private func rewriteWhenLong() {
        if journal.size >= Store.long && journal.size >= 2 * sizeWhenRewritten { rewrite() }
    }

    /// What could not be rewritten, on a full disk, is still there as it was: whoever wrote last has not failed.
    private func rewrite() {
        try? journal.rewrite { append in try state.eachEntry { try append($0.data()) } }
        sizeWhenRewritten = journal.size
    }

    private static let long: UInt64 = 1 << 20
}
