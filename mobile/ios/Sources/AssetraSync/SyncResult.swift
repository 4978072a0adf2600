import Foundation

public enum SyncResult {
    /// All that was queued is sent, all that changed is here. Rejected items wait for a person: `SyncClient.rejected()`.
    case done(sent: Int, rejected: Int, pulled: Int)

    /// The network or the server is away, or busy. Nothing is lost; try again after that many seconds.
    case later(after: TimeInterval, reason: String)

    case signInNeeded(reason: String)

    /// The server will not have this request: such as 403, no member of the tenant. Nothing is lost; trying again will not help.
    case refused(status: Int, body: String)

    /// Another thread is at it.
    case busy
}
