import Foundation

/// `refresh` is nil for an API token, which lives until it is revoked.
public struct Tokens: Equatable {
    public let access: String
    public let refresh: String?

    public init(access: String, refresh: String?) {
        self.access = access
        self.refresh = refresh
    }
}

/// Where the app keeps its tokens. `save` returns when they are stored: the old refresh token is worth nothing soon after.
public protocol TokenStore {
    func load() throws -> Tokens?
    func save(_ tokens: Tokens) throws
}

/// Requests in the name of a user, in one tenant.
public final class Session {
    private let server: URL
    private let tenant: String
    private let tokens: TokenStore
    private let transport: Transport
    private let refreshing = NSLock()

    public init(server: URL, tenant: String, tokens: TokenStore, transport: Transport = HttpTransport()) {
        self.server = server
        self.tenant = tenant
        self.tokens = tokens
        self.transport = transport
    }

    /// Nil when signed in; otherwise what the server answered.
    public func signIn(username: String, password: String) throws -> Reply? {
        let body = try (["username": username, "password": password] as Json).data()
        let reply = try transport.post(url("auth/token/"), headers: [:], body: body)
        guard reply.status == 200 else { return reply }
        try tokens.save(read(reply))
        return nil
    }

    /// `path` below /api/v1/. Throws SyncError.signInNeeded, and whatever the transport does.
    func post(_ path: String, _ body: Data) throws -> Reply {
        guard let used = try tokens.load() else { throw SyncError.signInNeeded("Nobody has signed in.") }
        let reply = try send(path, body, used)
        if reply.status != 401 { return reply }
        if let refused = try refresh(used) { return refused }
        guard let fresh = try tokens.load() else { throw SyncError.signInNeeded("Somebody has signed out.") }
        let again = try send(path, body, fresh)
        if again.status == 401 { throw SyncError.signInNeeded(again.text) }
        return again
    }

    /// One at a time: whoever comes second finds the tokens that the first one brought. Nil when there are new ones.
    private func refresh(_ used: Tokens) throws -> Reply? {
        refreshing.lock()
        defer { refreshing.unlock() }
        let current = try tokens.load()
        if let current = current, current.access != used.access { return nil }
        guard let refresh = current?.refresh else { throw SyncError.signInNeeded("The token is no longer valid.") }
        let reply = try transport.post(url("auth/token/refresh/"), headers: [:], body: (["refresh": refresh] as Json).data())
        switch reply.status {
        case 200:
            try tokens.save(read(reply))
            return nil
        case 400, 401, 403:
            throw SyncError.signInNeeded(reply.text)
        default:
            return reply
        }
    }

    private func send(_ path: String, _ body: Data, _ tokens: Tokens) throws -> Reply {
        let headers = ["Authorization": "Bearer \(tokens.access)", "X-Tenant-ID": tenant]
        return try transport.post(url(path), headers: headers, body: body)
    }

    private func read(_ reply: Reply) throws -> Tokens {
        let json = try Json(data: reply.body)
        return Tokens(access: try json.text("access"), refresh: try json.text("refresh"))
    }

    private func url(_ path: String) throws -> URL {
        let root = server.absoluteString
        let text = (root.hasSuffix("/") ? String(root.dropLast()) : root) + "/api/v1/" + path
        guard let url = URL(string: text) else { throw SyncError.unreadable(text) }
        return url
    }
}
