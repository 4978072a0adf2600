import Foundation

/// How long to wait after a failure: doubling, half of it random so that a hall of devices does not come back as one.
public final class Backoff {
    private let first: TimeInterval
    private let longest: TimeInterval
    private let random: () -> Double
    private var failures = 0
    private let lock = NSLock()

    /// `random` gives 0 to 1.
    public init(
        first: TimeInterval = 1,
        longest: TimeInterval = 300,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.first = first
        self.longest = longest
        self.random = random
    }

    func succeeded() {
        lock.lock()
        defer { lock.unlock() }
        failures = 0
    }

    /// Seconds; never shorter than what the server asked for.
    func failed(retryAfter: TimeInterval?) -> TimeInterval {
        lock.lock()
        defer { lock.unlock() }
        let full = min(longest, first * pow(2, Double(min(failures, 20))))
        failures += 1
        let jittered = full / 2 + random() * full / 2
        guard let asked = retryAfter else { return jittered }
        return max(jittered, asked + jittered / 4)
    }
}
