import Foundation

public enum SyncError: Error {
    /// Not JSON, or this name lacks or is of another type.
    case unreadable(String)
    /// The answer did not come whole.
    case cut(String)
    /// Nothing but a person's name and password helps; what is queued stays.
    case signInNeeded(String)
    case notOnThisDevice(asset: Int64)
    /// Another process has the journal open, or the folder cannot be written.
    case journal(String)
}
