package assetra.sync

import java.io.IOException
import org.json.JSONException
import org.json.JSONObject

/** Sends all that is queued and pulls all that changed: one request after the other until neither is left. */
internal class SyncPass(
    private val store: Store,
    private val session: Session,
    private val options: Options,
    private val backoff: Backoff,
    private val clock: DeviceClock
) {
    /** An item goes out once in a pass; one that the answer does not name waits for the next pass and holds up nothing. */
    private val tried = HashSet<String>()
    private var size = options.batch
    private var sent = 0
    private var rejected = 0
    private var pulled = 0
    private var beganAnew = false

    /** Refused alone; whether it is to blame or the request around it shows when one without items is taken. */
    private var suspect: Rejected? = null

    /** Whoever may not write may still read: the rest of the pass pulls. */
    private var forbidden: SyncResult.Refused? = null

    fun run(): SyncResult {
        while (true) step()?.let { return it }
    }

    /** One request; null when another one is to follow. */
    private fun step(): SyncResult? {
        val count = if (suspect == null && forbidden == null) size else 0
        val batch = store.batch(count, options.characters, tried)
        val exchange = Exchange(batch, store.read { it.cursor }, options.limit)
        val began = clock.elapsed()
        val beganAt = clock.now()
        return try {
            val reply = session.post("sync/", exchange.body(options.device))
            // A device that slept meanwhile may have stopped one of its clocks, and someone may have put back the other.
            val took = maxOf(clock.elapsed() - began, clock.now() - beganAt)
            if (reply.status == 200) accept(exchange.read(reply.body), batch, took) else refuse(reply, batch)
        } catch (error: IOException) {
            SyncResult.Later(backoff.failed(null), error.message ?: error.javaClass.simpleName)
        } catch (error: SignInNeeded) {
            SyncResult.SignInNeeded(error.message ?: "")
        }
    }

    private fun accept(answer: Answer, batch: List<Item>, took: Long): SyncResult? {
        clockOffset(answer.serverTime, clock.now(), took)?.let { answer.entry.put("clock_offset", it) }
        store.write(answer.entry)
        backoff.succeeded()
        suspect?.let {
            store.setAside(it.item, it.reason)
            rejected++
        }
        suspect = null
        batch.mapTo(tried) { it.key }
        size = minOf(options.batch, size * 2)
        sent += answer.settled
        rejected += answer.rejected
        pulled += answer.pulled
        if (answer.hasMore && !answer.moved && batch.isEmpty())
            return SyncResult.Later(backoff.failed(null), "The server does not move on.")
        val left = forbidden == null && store.batch(1, options.characters, tried).isNotEmpty()
        return if (answer.hasMore || left) null else forbidden ?: SyncResult.Done(sent, rejected, pulled)
    }

    private fun refuse(reply: Reply, batch: List<Item>): SyncResult? = when {
        reply.status in PASSING -> {
            val wait = backoff.failed(reply.retryAfterMillis(clock.now()))
            SyncResult.Later(wait, "The server answered ${reply.status}.")
        }
        reply.status == 400 && "cursor" in keysOf(reply.body) && !beganAnew -> {
            beganAnew = true
            store.write(State.answer().put("reset", true))
            null
        }
        reply.status in BLAMES_ITEMS && batch.isNotEmpty() -> narrow(reply, batch)
        reply.status == 403 && batch.isNotEmpty() -> {
            forbidden = SyncResult.Refused(reply.status, reply.body)
            null
        }
        else -> SyncResult.Refused(reply.status, reply.body)
    }

    /** Halves the batch until the one faulty item is found. */
    private fun narrow(reply: Reply, batch: List<Item>): SyncResult? {
        if (batch.size == 1) suspect = Rejected(batch.single(), "${reply.status} ${reply.body}")
        else size = (batch.size + 1) / 2
        return null
    }

    private fun keysOf(body: String): Set<String> = try {
        JSONObject(body).keys().asSequence().toSet()
    } catch (error: JSONException) {
        emptySet()
    }

    private companion object {
        val PASSING = setOf(408, 425, 429, 500, 502, 503, 504)
        val BLAMES_ITEMS = setOf(400, 413, 422)
    }
}
