import Foundation

/// The device's clock; another one in tests. `elapsed` never jumps. Both in milliseconds.
public protocol DeviceClock {
    func now() -> Int64
    func elapsed() -> Int64
}

public struct SystemClock: DeviceClock {
    public init() {}

    public func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    public func elapsed() -> Int64 { Int64(ProcessInfo.processInfo.systemUptime * 1_000) }
}

/// Time as RFC 3339, UTC, in milliseconds.
enum Times {
    private static let format: ISO8601DateFormatter = {
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        return format
    }()

    static func text(_ millis: Int64) -> String {
        // The formatter cuts what is below a millisecond, and few milliseconds are whole in binary.
        format.string(from: Date(timeIntervalSince1970: (Double(millis) + 0.25) / 1_000))
    }

    static func millis(_ text: String) throws -> Int64 {
        guard let date = format.date(from: text) else { throw SyncError.unreadable("server_time") }
        return Int64((date.timeIntervalSince1970 * 1_000).rounded())
    }
}

/// Server minus device clock, taken at the middle of an exchange; nil when it took too long to say.
func clockOffset(serverTime: Int64, answeredAt: Int64, took: Int64) -> Int64? {
    took > 10_000 ? nil : serverTime - (answeredAt - took / 2)
}
