import Foundation

/// Sends all that is queued and pulls all that changed: one request after the other until neither is left.
final class SyncPass {
    private let store: Store
    private let session: Session
    private let options: Options
    private let backoff: Backoff
    private let clock: DeviceClock

    /// An item goes out once in a pass; one that the answer does not name waits for the next pass and holds up nothing.
    private var tried: Set<String> = []
    private var size: Int
    private var sent = 0
    private var rejected = 0
    private var pulled = 0
    private var beganAnew = false

    /// Refused alone; whether it is to blame or the request around it shows when one without items is taken.
    private var suspect: Rejected?

    /// Whoever may not write may still read: the rest of the pass pulls.
    private var forbidden: SyncResult?

    init(store: Store, session: Session, options: Options, backoff: Backoff, clock: DeviceClock) {
        self.store = store
        self.session = session
        self.options = options
        self.backoff = backoff
        self.clock = clock
        self.size = options.batch
    }

    func run() -> SyncResult {
        while true {
            do {
                if let result = try step() { return result }
            } catch SyncError.signInNeeded(let reason) {
                return .signInNeeded(reason: reason)
            } catch {
                return .later(after: backoff.failed(retryAfter: nil), reason: String(describing: error))
            }
        }
    }

    /// One request; nil when another one is to follow.
    private func step() throws -> SyncResult? {
        let count = suspect == nil && forbidden == nil ? size : 0
        let batch = try store.batch(count: count, bytes: options.bytes, except: tried)
        let exchange = Exchange(batch: batch, cursor: store.read { $0.cursor }, limit: options.limit)
        let began = clock.elapsed()
        let beganAt = clock.now()
        let reply = try session.post("sync/", try exchange.body(device: options.device))
        // An app that was suspended meanwhile may find one of the clocks stopped, and someone may have put back the other.
        let took = max(clock.elapsed() - began, clock.now() - beganAt)
        if reply.status != 200 { return try refuse(reply, batch) }
        return try accept(try exchange.read(reply.body), batch, took)
    }

    private func accept(_ received: Answer, _ batch: [Item], _ took: Int64) throws -> SyncResult? {
        var answer = received
        let offset = clockOffset(serverTime: answer.serverTime, answeredAt: clock.now(), took: took)
        if let offset = offset { answer.entry["clock_offset"] = NSNumber(value: offset) }
        try store.write(answer.entry)
        backoff.succeeded()
        if let found = suspect {
            try store.setAside(found.item, reason: found.reason)
            rejected += 1
            suspect = nil
        }
        tried.formUnion(batch.map { $0.key })
        size = min(options.batch, size * 2)
        sent += answer.settled
        rejected += answer.rejected
        pulled += answer.pulled
        if answer.hasMore && !answer.moved && batch.isEmpty {
            return .later(after: backoff.failed(retryAfter: nil), reason: "The server does not move on.")
        }
        let left = try forbidden == nil && !store.batch(count: 1, bytes: options.bytes, except: tried).isEmpty
        if answer.hasMore || left { return nil }
        return forbidden ?? SyncResult.done(sent: sent, rejected: rejected, pulled: pulled)
    }

    private func refuse(_ reply: Reply, _ batch: [Item]) throws -> SyncResult? {
        if SyncPass.passing.contains(reply.status) {
            let wait = backoff.failed(retryAfter: reply.retryAfterSeconds(now: clock.now()))
            return .later(after: wait, reason: "The server answered \(reply.status).")
        }
        let namesCursor = (try? Json(data: reply.body))?["cursor"] != nil
        if reply.status == 400 && namesCursor && !beganAnew {
            beganAnew = true
            try store.write(["op": "answer", "reset": true])
            return nil
        }
        if SyncPass.blamesItems.contains(reply.status) && !batch.isEmpty {
            narrow(reply, batch)
            return nil
        }
        if reply.status == 403 && !batch.isEmpty {
            forbidden = .refused(status: reply.status, body: reply.text)
            return nil
        }
        return .refused(status: reply.status, body: reply.text)
    }

    /// Halves the batch until the one faulty item is found.
    private func narrow(_ reply: Reply, _ batch: [Item]) {
        if batch.count == 1 {
            suspect = Rejected(item: batch[0], reason: "\(reply.status) \(reply.text)")
        } else {
            size = (batch.count + 1) / 2
        }
    }

    private static let passing: Set<Int> = [408, 425, 429, 500, 502, 503, 504]
    private static let blamesItems: Set<Int> = [400, 413, 422]
}
