import Foundation

/// One request to sync/ and what its answer means for the journal.
struct Exchange {
    private let lists: [Kind: [Item]]
    private let cursor: String?
    private let limit: Int

    init(batch: [Item], cursor: String?, limit: Int) {
        self.lists = Dictionary(grouping: batch) { $0.kind }
        self.cursor = cursor
        self.limit = limit
    }

    func body(device: String) throws -> Data {
        // An empty cursor says: begin, and this client knows of cursors.
        var body: Json = ["cursor": cursor ?? "", "limit": limit, "device_identifier": device]
        for (kind, items) in lists { body[kind.rawValue] = items.map { $0.body } }
        return try body.data()
    }

    /// Throws for what is no whole answer: nothing of it counts then.
    func read(_ data: Data) throws -> Answer {
        let json = try Json(data: data)
        var settled: [String] = []
        var rejected: [Json] = []
        for result in try json.objects("results") {
            // What no result names stays queued.
            guard let item = try named(by: result) else { continue }
            if try result.text("status") != "rejected" {
                settled.append(item.key)
            } else {
                rejected.append(["key": item.key, "reason": result["detail"] as? String ?? "rejected"])
            }
        }
        let more = try json.flag("has_more")
        let next = try json.text("next_cursor")
        let rows = try json.objects("asset_changes")
        let deleted = try json.integers("deleted_asset_ids")
        let conflicts = try json.objects("conflicts")
        // Read once before it is stored: an entry that cannot be applied would be met again on every start.
        for row in rows { _ = try row.integer("id") }
        for conflict in conflicts { _ = try Conflict(json: conflict) }
        let entry: Json = [
            "op": "answer",
            "settled": settled,
            "rejected": rejected,
            "reset": json["reset_required"] as? Bool ?? false,
            "rows": rows,
            "deleted": deleted.map { NSNumber(value: $0) },
            "conflicts": conflicts,
            "closed": try json.texts("acknowledged_conflicts"),
            "cursor": next,
            "complete": !more
        ]
        return Answer(
            entry: entry,
            settled: settled.count,
            rejected: rejected.count,
            pulled: rows.count + deleted.count,
            hasMore: more,
            moved: next != cursor,
            serverTime: try Times.millis(json.text("server_time"))
        )
    }

    private func named(by result: Json) throws -> Item? {
        let index = Int(try result.integer("index"))
        guard let kind = Kind(rawValue: try result.text("list")), let items = lists[kind] else { return nil }
        return items.indices.contains(index) ? items[index] : nil
    }
}

struct Answer {
    var entry: Json
    let settled: Int
    let rejected: Int
    let pulled: Int
    let hasMore: Bool
    /// Whether the cursor is another one now.
    let moved: Bool
    /// Milliseconds.
    let serverTime: Int64
}
