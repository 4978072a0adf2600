import Foundation

/// All that a device knows, as the entries of its journal make it: each entry is applied when it is written and on every start.
struct State {
    private(set) var outbox = Ordered<Item>()
    private(set) var rejected = Ordered<Rejected>()
    private(set) var conflicts = Ordered<Conflict>()

    /// Asset id to row. Rows stay data: a parsed one takes several times the memory.
    private(set) var replica: [Int64: Data] = [:]

    /// The replica that a reset builds beside the old one, which is shown until this one is whole.
    private var rebuilt: [Int64: Data]?
    private(set) var cursor: String?

    /// Server clock minus device clock, milliseconds.
    private(set) var clockOffset: Int64 = 0

    mutating func apply(_ entry: Json) throws {
        switch try entry.text("op") {
        case "queue":
            let item = try Item(json: entry.object("item"))
            rejected.remove(item.key)
            outbox[item.key] = item
        case "discard":
            guard let item = rejected.remove(try entry.text("key"))?.item else { return }
            if item.kind == .acknowledgement { conflicts.remove(try item.body.text("conflict_id")) }
        case "answer":
            try applyAnswer(entry)
        default:
            return
        }
    }

    /// One entry for all that an answer says, so that its page, its cursor and what leaves the outbox are stored together.
    private mutating func applyAnswer(_ entry: Json) throws {
        for key in entry["settled"] as? [String] ?? [] { outbox.remove(key) }
        for refusal in entry["rejected"] as? [Json] ?? [] { try reject(refusal) }
        if entry["reset"] as? Bool ?? false {
            rebuilt = [:]
            cursor = nil
        }
        for row in entry["rows"] as? [Json] ?? [] { put(try row.integer("id"), try row.data()) }
        for id in entry["deleted"] as? [NSNumber] ?? [] { put(id.int64Value, nil) }
        for conflict in try (entry["conflicts"] as? [Json] ?? []).map(Conflict.init(json:)) { conflicts[conflict.id] = conflict }
        for id in entry["closed"] as? [String] ?? [] { conflicts.remove(id) }
        if let stands = entry["cursor"] { cursor = stands as? String }
        if let offset = entry["clock_offset"] as? NSNumber { clockOffset = offset.int64Value }
        if entry["complete"] as? Bool ?? false, let whole = rebuilt {
            replica = whole
            rebuilt = nil
        }
    }

    private mutating func reject(_ refusal: Json) throws {
        let key = try refusal.text("key")
        let kept = try (refusal["item"] as? Json).map(Item.init(json:))
        guard let item = outbox.remove(key) ?? kept else { return }
        rejected[key] = Rejected(item: item, reason: try refusal.text("reason"))
    }

    private mutating func put(_ id: Int64, _ row: Data?) {
        if rebuilt != nil { rebuilt?[id] = row } else { replica[id] = row }
    }

    /// The entries of a journal that makes this state anew.
    func eachEntry(_ each: (Json) throws -> Void) throws {
        let place: Any = cursor.map { $0 as Any } ?? NSNull()
        try eachRows(of: replica, each)
        try each(["op": "answer", "cursor": place, "clock_offset": NSNumber(value: clockOffset)])
        if let rows = rebuilt {
            try each(["op": "answer", "reset": true, "cursor": place])
            try eachRows(of: rows, each)
        }
        for item in outbox.values { try each(["op": "queue", "item": item.json]) }
        try each(["op": "answer", "conflicts": conflicts.values.map { $0.json }])
        try each(["op": "answer", "rejected": rejected.values.map { refusal($0) }])
    }

    private func eachRows(of rows: [Int64: Data], _ each: (Json) throws -> Void) throws {
        let ids = Array(rows.keys)
        for start in stride(from: 0, to: ids.count, by: State.rowsAnEntry) {
            let some = ids[start..<min(start + State.rowsAnEntry, ids.count)]
            let parsed = try some.compactMap { rows[$0] }.map { try Json(data: $0) }
            try each(["op": "answer", "rows": parsed])
        }
    }

    private func refusal(_ rejected: Rejected) -> Json {
        ["key": rejected.item.key, "reason": rejected.reason, "item": rejected.item.json]
    }

    private static let rowsAnEntry = 200
}
