import Foundation

/// The raw value is the part of a request that it is sent in.
public enum Kind: String {
    case scan = "scan_events"
    case edit = "asset_changes"
    case acknowledgement = "conflict_acknowledgements"
}

/// What waits to be sent. `body` is fixed when it is queued: the server refuses a known id that comes with another body.
public struct Item {
    public let kind: Kind
    public let key: String
    public let body: Json

    init(kind: Kind, key: String, body: Json) {
        self.kind = kind
        self.key = key
        self.body = body
    }

    init(json: Json) throws {
        guard let kind = Kind(rawValue: try json.text("kind")) else { throw SyncError.unreadable("kind") }
        self.init(kind: kind, key: try json.text("key"), body: try json.object("body"))
    }

    var json: Json { ["kind": kind.rawValue, "key": key, "body": body] }

    static func acknowledgementKey(_ conflictId: String) -> String { "acknowledgement:\(conflictId)" }
}

/// An item that the server will never take, kept with its reason until a person sends it anew or discards it.
public struct Rejected {
    public let item: Item
    public let reason: String
}

/// Two values of one field, of which `winner` (local or server) stands on the server until this is acknowledged. The values are
/// texts to be shown: nothing is empty text, what is no text is JSON.
public struct Conflict {
    public let id: String
    public let assetId: Int64
    public let field: String
    public let localValue: String
    public let serverValue: String
    public let winner: String
    public let reason: String
    public let detail: String
    let json: Json

    init(json: Json) throws {
        guard let assetId = Int64(try json.text("asset_id")) else { throw SyncError.unreadable("asset_id") }
        self.id = try json.text("id")
        self.assetId = assetId
        self.field = try json.text("field")
        self.localValue = try json.text("local_value")
        self.serverValue = try json.text("server_value")
        self.winner = json["winner"] as? String ?? ""
        self.reason = json["reason"] as? String ?? ""
        self.detail = json["detail"] as? String ?? ""
        self.json = json
    }
}

public enum Resolution: String {
    case acceptServer = "accept_server"
    case keepLocal = "keep_local"
}
