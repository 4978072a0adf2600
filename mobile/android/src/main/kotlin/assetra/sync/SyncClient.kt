package assetra.sync

import java.io.Closeable
import java.util.UUID
import java.util.concurrent.locks.ReentrantLock
import org.json.JSONObject

/** [device] names this device to the server and never changes: an edit sent again under another name is another edit. */
data class Options(
    val device: String,
    /** Items of one request; the server takes 1,000. */
    val batch: Int = 500,
    /** Text of the items of one request; the server takes 5 MiB. */
    val characters: Int = 1_000_000,
    /** Assets of one page. */
    val limit: Int = 500
)

/**
 * What an app needs to work without a network. Everything but [sync] and [syncUntilDone] returns without waiting for one, and
 * what is captured is on disk when the call returns. Safe from any thread.
 */
class SyncClient(
    journal: Journal,
    private val session: Session,
    private val options: Options,
    private val backoff: Backoff = Backoff(),
    private val clock: DeviceClock = DeviceClock.System
) : Closeable {
    private val store = Store(journal)
    private val underWay = ReentrantLock()

    /**
     * [more] holds further fields of a scan event, such as location or asset. Returns its client_event_id, under which the
     * server keeps it once however often it is sent. Throws IOException when it could not be stored: tell the person.
     */
    fun captureScan(rawValue: String, symbology: String, sourceType: String = "camera", more: JSONObject? = null): String {
        val id = newId()
        val body = JSONObject(more?.toString() ?: "{}")
            .put("client_event_id", id)
            .put("raw_value", rawValue)
            .put("symbology", symbology)
            .put("source_type", sourceType)
            .put("captured_at", now())
        store.queue(Item(Kind.SCAN, id, body.toString()))
        return id
    }

    /** Only the fields that the person changed. The asset must be one of [asset]. Returns the key of the edit. */
    fun captureEdit(assetId: Long, fields: JSONObject): String {
        val id = newId()
        val row = store.read { it.replica[assetId] } ?: throw IllegalArgumentException("Asset $assetId is not on this device.")
        val body = JSONObject()
            .put("client_event_id", id)
            .put("id", assetId)
            .put("base_updated_at", JSONObject(row).getString("updated_at"))
            .put("captured_at", now())
            .put("fields", JSONObject(fields.toString()))
        store.queue(Item(Kind.EDIT, id, body.toString()))
        return id
    }

    /** The asset with what is still to be sent written over it; null when it is not there or deleted. */
    fun asset(id: Long): JSONObject? = store.read { state ->
        state.replica[id]?.let { overlay(JSONObject(it), editsOf(state).filter { edit -> edit.getLong("id") == id }) }
    }

    /** All of them; for a long list ask for [assetIds] and then for those that are shown. */
    fun assets(): List<JSONObject> = store.read { state ->
        val edits = editsOf(state).groupBy { it.getLong("id") }
        state.replica.entries.sortedBy { it.key }.map { (id, row) -> overlay(JSONObject(row), edits[id] ?: emptyList()) }
    }

    fun assetIds(): List<Long> = store.read { it.replica.keys.sorted() }

    /** Scans, edits and acknowledgements that the server has not named yet, oldest first. */
    fun waiting(): List<Item> = store.read { it.outbox.values.toList() }

    fun rejected(): List<Rejected> = store.read { it.rejected.values.toList() }

    /** Queues a rejected item again, as it was: after someone has put right what it was refused for. */
    fun retry(key: String) {
        rejected().find { it.item.key == key }?.let { store.queue(it.item) }
    }

    /** Forgets a rejected item for good; a conflict whose acknowledgement it is, too. */
    fun discard(key: String) = store.discard(key)

    /** Those that nobody has acknowledged, and those whose acknowledgement is still to be sent. */
    fun conflicts(): List<Conflict> = store.read { it.conflicts.values.toList() }

    /** The conflict goes when the server has confirmed it. */
    fun acknowledge(conflictId: String, resolution: Resolution) {
        val body = JSONObject()
            .put("conflict_id", conflictId)
            .put("resolution", resolution.word)
            .put("resolved_at", now())
        store.queue(Item(Kind.ACKNOWLEDGEMENT, Item.acknowledgementKey(conflictId), body.toString()))
    }

    /** Server minus device clock in ms, as last seen. */
    fun clockOffset(): Long = store.read { it.clockOffset }

    /** Waits for the network; never on the main thread. One at a time. */
    fun sync(): SyncResult {
        if (!underWay.tryLock()) return SyncResult.Busy
        try {
            return SyncPass(store, session, options, backoff, clock).run()
        } finally {
            underWay.unlock()
        }
    }

    /** Tries again as long as it is told to come later, at most [attempts] times; for apps without a scheduler of their own. */
    fun syncUntilDone(attempts: Int = 8, sleep: (Long) -> Unit = { Thread.sleep(it) }): SyncResult {
        var result = sync()
        for (attempt in 2..attempts) {
            val later = result as? SyncResult.Later ?: return result
            sleep(later.afterMillis)
            result = sync()
        }
        return result
    }

    override fun close() = store.close()

    private fun newId() = UUID.randomUUID().toString()

    private fun now(): String = Times.text(clock.now() + clockOffset())

    private fun editsOf(state: State): List<JSONObject> =
        state.outbox.values.filter { it.kind == Kind.EDIT }.map { JSONObject(it.body) }

    private fun overlay(row: JSONObject, edits: List<JSONObject>): JSONObject {
        edits.map { it.getJSONObject("fields") }.forEach { fields ->
            fields.keys().forEach { row.put(it, fields.get(it)) }
        }
        return row
    }
}
